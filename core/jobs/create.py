"""Creating and cancelling jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import Session

from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.jobs.advance import advance
from core.jobs.starting import usable_dataset, with_starts
from core.search.history import History, TrialRequest
from core.search.planning import remaining, wanted
from core.search.spec import SearchSpec, parse_search
from core.search.stages import is_stage
from core.settings import Settings
from core.spaces.warnings import space_warnings
from core.store.tables import Job, Trial, new_id
from core.store.transitions import transition


def _affordable(spec: SearchSpec, coming: list[TrialRequest]) -> None:
    """Refuse a budget within which no candidate is pretrained and scored.

    Args:
        coming: all trials that the budget allows.
    """
    if not coming:
        first = wanted(spec, History()).requests[0]
        sentence = (
            f"The budget does not allow a single trial: the first takes {first.cost} iterations."
        )
    elif all(request.payload is not None or is_stage(request.task) for request in coming):
        sentence = (
            "The budget ends before the first candidate is pretrained: what comes before, such as "
            "a shared warm-up, encoders of folds and the policies scored on them, takes "
            f"{sum(request.cost for request in coming)} iterations in {len(coming)} trials."
        )
    else:
        return
    raise InvalidInputError(
        f"{sentence} Raise it, or leave it out.",
        code="budget_too_small",
        fields=[{"path": "$.budget", "message": "ends before any candidate is scored"}],
    )


def create_job(
    session: Session, request: dict[str, Any], settings: Settings
) -> tuple[Job, list[str]]:
    """Create a job and queue its first trials.

    Args:
        request: `dataset_id`, optionally `name`, and the fields of `SearchSpec`.

    Returns:
        The job and the ids of trials to dispatch.

    Raises:
        InvalidInputError, NotFoundError, ConflictError.
    """
    body = dict(request)
    dataset_id, name = body.pop("dataset_id", None), body.pop("name", None)
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= 200):
        raise InvalidInputError(
            "The job is not valid: $.name must be 1 to 200 characters.",
            code="invalid_job",
            fields=[{"path": "$.name", "message": "must be 1 to 200 characters"}],
        )
    spec = parse_search(body)
    dataset = usable_dataset(session, dataset_id)
    spec = with_starts(session, spec, dataset)
    coming = remaining(spec, History())
    count = len({request.candidate.key for request in coming})
    if count > settings.max_candidates:
        raise InvalidInputError(
            f"The job has {count} candidates; this server allows {settings.max_candidates}. "
            "Ask for fewer, or raise QUARTERTURN_MAX_CANDIDATES.",
            code="too_many_candidates",
            fields=[{"path": "$.strategy", "message": f"{count} candidates"}],
        )
    _affordable(spec, coming)
    job = Job(
        id=new_id("job"),
        name=name or f"{spec.search_space.name} on {dataset.name}"[:200],
        dataset_id=dataset.id,
        state="queued",
        spec=spec.model_dump(mode="json"),
        warnings=space_warnings(spec.search_space),
    )
    session.add(job)
    session.flush()
    return job, advance(session, job.id)


def find_job(session: Session, job_id: str) -> Job:
    """The job.

    Raises:
        NotFoundError: `job_not_found`.
    """
    job = session.get(Job, job_id)
    if job is None:
        raise NotFoundError(f"There is no job {job_id}.", code="job_not_found")
    return job


def cancel_job(session: Session, job_id: str) -> Job:
    """Cancel: queued trials at once, running ones when their worker next looks (seconds).

    Cancelling twice is the same as once.

    Raises:
        NotFoundError: no such job. ConflictError: the job ended otherwise.
    """
    job = find_job(session, job_id)
    session.refresh(job, with_for_update=True)
    if job.state in ("completed", "failed"):
        raise ConflictError(f"The job has already {job.state}.", code="job_finished")
    if job.state in ("cancelling", "cancelled"):
        return job
    transition(
        session, Job, "cancelling", Job.id == job_id,
        reason="cancelled", message="Cancelled by request.",
    )  # fmt: skip
    transition(
        session, Trial, "cancelled", Trial.job_id == job_id, Trial.state == "queued",
        reason="cancelled", message="The job was cancelled.", finished_at=func.now(),
    )  # fmt: skip
    advance(session, job_id)
    session.refresh(job)
    return job
