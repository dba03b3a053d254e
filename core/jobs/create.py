"""Creating jobs, and finding them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.access.quotas import allow_job, allow_stored
from core.jobs.advance import advance
from core.jobs.bounds import refuse_oversized, refuse_too_many
from core.jobs.specs import LATER
from core.jobs.starting import usable_dataset, with_starts
from core.logs import current
from core.settings import Settings
from core.store.tables import Job, new_id
from quarterturn.errors import InvalidInputError, NotFoundError
from quarterturn.search.budget import refuse_unaffordable
from quarterturn.search.history import History
from quarterturn.search.planning import remaining
from quarterturn.search.spec import parse_search
from quarterturn.space.grey import without_colors
from quarterturn.space.warnings import space_warnings


def create_job(
    session: Session, request: dict[str, Any], settings: Settings
) -> tuple[Job, list[str]]:
    """Create a job and queue its first trials.

    Args:
        request: `dataset_id`, optionally `name`, and the fields of `SearchSpec`.

    Returns:
        The job and the ids of trials to dispatch.

    Raises:
        InvalidInputError, NotFoundError, ConflictError, ForbiddenError.
    """
    body = dict(request)
    dataset_id, name = body.pop("dataset_id", None), body.pop("name", None)
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= 200):
        raise InvalidInputError(
            "The job is not valid: $.name must be 1 to 200 characters.",
            code="invalid_job",
            fields=[{"path": "$.name", "message": "must be 1 to 200 characters"}],
        )
    # What the owner may do at all comes first: it is cheap, and spares the rest.
    dataset = usable_dataset(session, dataset_id)
    allow_job(session, dataset.owner, settings)
    spec = parse_search(body)
    refuse_oversized(spec, settings)
    spec = with_starts(session, spec, dataset)
    said: list[dict[str, Any]] = []
    if dataset.grey:
        space, said = without_colors(spec.search_space)
        spec = spec.model_copy(update={"search_space": space})
    coming = remaining(spec, History())
    refuse_too_many(coming, settings)
    refuse_unaffordable(spec, coming)
    document = spec.model_dump(mode="json")
    allow_stored(session, dataset.owner, len(json.dumps(document)), settings)
    job = Job(
        id=new_id("job"),
        name=name or f"{spec.search_space.name} on {dataset.name}"[:200],
        owner=dataset.owner,
        dataset_id=dataset.id,
        state="queued",
        spec=document,
        warnings=[*space_warnings(spec.search_space), *said],
        request_id=current("request_id"),
    )
    session.add(job)
    session.flush()
    return job, advance(session, job.id)


def find_job(session: Session, job_id: str) -> Job:
    """The job; its ranking and its policy are read when asked for.

    Raises:
        NotFoundError: `job_not_found`.
    """
    job = session.get(Job, job_id, options=LATER)
    if job is None:
        raise job_not_found(job_id)
    return job


_STATE = select(Job.state).where(Job.id == bindparam("job_id"))  # made once, asked by every poll


def state_or_none(session: Session, job_id: str) -> str | None:
    """The state of a job, for whoever needs no more of it; None if there is none of that id."""
    state: str | None = session.scalar(_STATE, {"job_id": job_id})
    return state


def state_of(session: Session, job_id: str) -> str:
    """The same.

    Raises:
        NotFoundError: `job_not_found`.
    """
    state = state_or_none(session, job_id)
    if state is None:
        raise job_not_found(job_id)
    return state


def job_not_found(job_id: str) -> NotFoundError:
    """What to say of an id that is of no job, or of somebody else's."""
    return NotFoundError(f"There is no job {job_id}.", code="job_not_found")
