"""Creating jobs, and finding them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.quotas import allow_job
from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.jobs.advance import advance
from core.search.history import History, TrialRequest
from core.search.planning import remaining, wanted
from core.search.spec import SearchSpec, parse_search
from core.settings import Settings
from core.spaces.warnings import space_warnings
from core.store.tables import Dataset, Job, new_id


def _usable_dataset(session: Session, dataset_id: Any) -> Dataset:
    if not isinstance(dataset_id, str):
        raise InvalidInputError(
            "The job is not valid: $.dataset_id must be the id of a dataset.",
            code="invalid_job",
            fields=[{"path": "$.dataset_id", "message": "is required, a string"}],
        )
    # Shared lock: a deletion waits until the job is in, and then finds it.
    dataset = session.scalars(
        select(Dataset).where(Dataset.id == dataset_id).with_for_update(read=True)
    ).one_or_none()
    if dataset is None or dataset.state == "deleted":
        raise NotFoundError(
            f"There is no dataset {dataset_id}. Create it with POST /v1/datasets.",
            code="dataset_not_found",
        )
    if dataset.state == "deleting":
        raise ConflictError(
            f"The dataset {dataset_id} is being deleted. Upload it again to use it.",
            code="dataset_deleting",
        )
    return dataset


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
    elif all(request.payload is not None for request in coming):
        sentence = (
            "The budget ends before the first candidate is pretrained: encoders of folds and the "
            f"policies scored on them take {sum(request.cost for request in coming)} iterations "
            f"in {len(coming)} trials."
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
    spec = parse_search(body)
    dataset = _usable_dataset(session, dataset_id)
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
    allow_job(session, dataset.owner, settings)
    job = Job(
        id=new_id("job"),
        name=name or f"{spec.search_space.name} on {dataset.name}"[:200],
        owner=dataset.owner,
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
