"""The page of a policy, alone or beside another."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from core.jobs.candidate import SELECTED, candidate_names, candidate_view
from core.jobs.create import find_job
from core.store.tables import Dataset, Job
from quarterturn.policy import parse_policy
from quarterturn.policy.diff import compare
from quarterturn.score.catalogue import CRITERIA

IMAGES, DRAWS = 6, 6


def _other(session: Session, job: Job, beside: str) -> dict[str, Any]:
    """Another candidate of the job, or `JOB:CANDIDATE`."""
    other_job, _, key = beside.rpartition(":")
    return candidate_view(session, find_job(session, other_job) if other_job else job, key)


def policy_page(
    session: Session, job: Job, key: str, beside: str | None, *, seed: int, page: int
) -> dict[str, Any]:
    """What the template needs.

    Raises:
        NotFoundError, ConflictError: one of the two is not there.
    """
    view = candidate_view(session, job, key)
    other = _other(session, job, beside) if beside else None
    changes: list[str] = []
    if other is not None:
        changes = compare(parse_policy(view["policy"]), parse_policy(other["policy"]))
    names = candidate_names(session, job)
    if not any(name["key"] == view["candidate"] for name in names):
        names.append({"key": view["candidate"], "name": view["name"]})
    return {
        "job": {"id": job.id, "name": job.name, "ready": job.policy is not None},
        "dataset": session.get_one(Dataset, job.dataset_id),
        "view": view,
        "other": other,
        "changes": changes,
        "names": names,
        "beside": beside or "",
        "seed": seed,
        "page": page,
        "images": IMAGES,
        "draws": DRAWS,
        "selected": SELECTED,
        "catalogue": CRITERIA,
    }
