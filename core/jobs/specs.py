"""The long columns of a job: what it asks for is read once for each of its revisions, and there is
seldom a second; the rest is read where it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from core.store.tables import Job
from quarterturn.search.spec import SearchSpec

#: Of thousands of candidates these are megabytes.
LATER = (defer(Job.ranking), defer(Job.policy))


class _Unread:
    """The document of a job, under the id of the job and the number of the revision."""

    def __init__(self, job_id: str, revision: int, load: Callable[[], dict[str, Any]]) -> None:
        self.key, self.load = (job_id, revision), load

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unread) and other.key == self.key


@lru_cache(maxsize=64)
def _read(unread: _Unread) -> SearchSpec:
    spec = SearchSpec.model_validate(unread.load())
    unread.load = dict  # the document is not kept beside it
    return spec


def spec_of(job: Job) -> SearchSpec:
    """The search of a job. Not to be changed by whoever gets it."""
    return _read(_Unread(job.id, job.revision, lambda: job.spec))


def spec_for(session: Session, job_id: str, revision: int) -> SearchSpec:
    """The same by the id of a job that is there, whose row is read the first time only."""
    query = select(Job.spec).where(Job.id == job_id)
    return _read(_Unread(job_id, revision, lambda: session.execute(query).scalar_one()))
