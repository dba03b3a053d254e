"""More for a search: larger budgets, more candidates.

A job that has not ended goes on by a plan of the larger search. One that has ended stays as it is,
as all ended jobs do: another job extends it, which takes its results over and pays for what is new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from core.access.quotas import allow_job, allow_stored
from core.jobs.advance import advance
from core.jobs.bounds import refuse_oversized, refuse_too_many
from core.jobs.history import history_of
from core.jobs.specs import spec_of
from core.jobs.starting import usable_dataset, with_starts
from core.lifecycle import ENDING_JOBS, final
from core.logs import current
from core.settings import Settings
from core.store.tables import Base, CandidateRow, Job, Trial, new_id
from quarterturn.errors import ConflictError
from quarterturn.pretrain.spec import FINAL, SOURCE, WARM_UP
from quarterturn.search.course import remaining
from quarterturn.search.extension import extended
from quarterturn.search.history import History
from quarterturn.search.spec import SearchSpec

_AT_ONCE = 500
#: Not taken over: their encoders lie under the job that made them.
_KEEPING = ("fold/%", f"{SOURCE}%", WARM_UP, FINAL)


@dataclass(frozen=True)
class More:
    """What is raised: limits by name, None for none at all; candidates in all."""

    budget: Mapping[str, float | None] | None = None
    candidates: int | None = None


def extend(session: Session, job: Job, more: More, settings: Settings) -> tuple[Job, list[str]]:
    """The job with more to do, or one that extends it.

    Args:
        job: locked.

    Returns:
        The job that goes on, and ids of trials to dispatch.

    Raises:
        InvalidInputError: `invalid_extension`, `too_many_candidates`, `search_too_large`.
        ConflictError: `job_ending`. NotFoundError, ForbiddenError: as for a new job.
    """
    if job.state in ENDING_JOBS:
        raise ConflictError(f"The job is {job.state}; wait until it has ended.", code="job_ending")
    spec = extended(spec_of(job), more.budget, more.candidates)
    refuse_oversized(spec, settings)
    if job.state in final("jobs"):
        return _another(session, job, spec, settings)
    refuse_too_many(remaining(spec, history_of(session, job)), settings)
    job.spec = spec.model_dump(mode="json")
    job.revision += 1
    session.flush()
    return job, advance(session, job.id)


def _another(
    session: Session, job: Job, spec: SearchSpec, settings: Settings
) -> tuple[Job, list[str]]:
    dataset = usable_dataset(session, job.dataset_id)
    allow_job(session, dataset.owner, settings)
    spec = with_starts(session, spec, dataset)
    refuse_too_many(remaining(spec, History()), settings)
    document = spec.model_dump(mode="json")
    allow_stored(session, dataset.owner, len(json.dumps(document)), settings)
    following = Job(
        id=new_id("job"),
        name=job.name,
        notes=job.notes,
        tags=job.tags,
        extends=job.id,
        owner=dataset.owner,
        dataset_id=dataset.id,
        state="queued",
        spec=document,
        warnings=job.warnings,
        request_id=current("request_id"),
    )
    session.add(following)
    session.flush()
    _take_over(session, job.id, following.id)
    return following, advance(session, following.id)


def _take_over(session: Session, before: str, after: str) -> None:
    """Give a new job the candidates of another, and the results that it completed."""
    columns = [c.name for c in CandidateRow.__table__.columns if c.name not in ("id", "job_id")]
    tried = select(literal(after), *(getattr(CandidateRow, name) for name in columns))
    session.execute(
        insert(Base.metadata.tables["candidates"]).from_select(
            ["job_id", *columns],
            tried.where(CandidateRow.job_id == before).order_by(CandidateRow.id),
        )
    )
    scored = [~Trial.task.like(task) for task in _KEEPING]
    done = select(Trial).where(Trial.job_id == before, Trial.state == "completed", *scored)
    number = 0
    for rows in session.scalars(done.order_by(Trial.number)).partitions(_AT_ONCE):
        copies = [_copy(row, after, number + place + 1) for place, row in enumerate(rows)]
        session.execute(insert(Base.metadata.tables["trials"]), copies)
        number += len(copies)


def _copy(trial: Trial, job_id: str, number: int) -> dict[str, object]:
    """A result as one of the other job, which it cost nothing."""
    same = {c.name: getattr(trial, c.name) for c in Trial.__table__.columns}
    del same["created_at"]  # now
    origin = {"job_id": trial.job_id, "trial_id": trial.id}
    return {
        **same,
        "id": new_id("trial"),
        "job_id": job_id,
        "number": number,
        "iterations_run": 0,
        "seconds": 0.0,
        "provenance": {"reused_from": origin, **(trial.provenance or {})},
        "started_at": None,
        "heartbeat_at": None,
        "dispatched_at": None,
        "worker": None,
        "lost": None,
    }
