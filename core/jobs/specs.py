"""The long columns of a job: what it asked for is read once, as it never changes; the rest is read
where it is looked at.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy.orm import defer

from core.search.spec import SearchSpec
from core.store.tables import Job

#: Of thousands of candidates these are megabytes.
LATER = (defer(Job.ranking), defer(Job.policy))


class _Unread:
    """The document of a job, under the id of the job."""

    def __init__(self, job_id: str, document: dict[str, Any]) -> None:
        self.job_id, self.document = job_id, document

    def __hash__(self) -> int:
        return hash(self.job_id)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unread) and other.job_id == self.job_id


@lru_cache(maxsize=64)
def _read(unread: _Unread) -> SearchSpec:
    spec = SearchSpec.model_validate(unread.document)
    unread.document = {}  # not kept beside it
    return spec


def spec_of(job: Job) -> SearchSpec:
    """The search of a job. Not to be changed by whoever gets it."""
    return _read(_Unread(job.id, job.spec))
