"""What a job starts from: its datasets and its checkpoint, looked up, locked, and named again in
the provenance of its policy.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.tables import Checkpoint, Dataset, Job, Trial
from quarterturn.errors import ConflictError, InvalidInputError, NotFoundError
from quarterturn.pretrain.spec import SOURCE, ReferenceSpec
from quarterturn.pretrain.stages import WarmStart
from quarterturn.search.spec import SearchSpec, search_stage
from quarterturn.search.stages import is_stage
from quarterturn.search.strategy import DensityMatchingStrategy

StartT = TypeVar("StartT", Dataset, Checkpoint)


def _locked(
    session: Session,
    row_id: str | None,
    missing: NotFoundError,
    leaving: ConflictError,
    table: type[StartT],
) -> StartT:
    """The row under a shared lock: a deletion waits until the job is in, and then finds it."""
    row = session.scalars(
        select(table).where(table.id == row_id).with_for_update(read=True)
    ).one_or_none()
    if row is None or row.state == "deleted":
        raise missing
    if row.state == "deleting":
        raise leaving
    return row


def usable_dataset(session: Session, dataset_id: Any, path: str = "$.dataset_id") -> Dataset:
    """The dataset, locked so that it is not deleted before the job is in.

    Raises:
        InvalidInputError, NotFoundError, ConflictError.
    """
    if not isinstance(dataset_id, str):
        raise InvalidInputError(
            f"The job is not valid: {path} must be the id of a dataset.",
            code="invalid_job",
            fields=[{"path": path, "message": "is required, a string"}],
        )
    missing = NotFoundError(
        f"There is no dataset {dataset_id}. Create it with POST /v1/datasets.",
        code="dataset_not_found",
    )
    leaving = ConflictError(
        f"The dataset {dataset_id} is being deleted. Upload it again to use it.",
        code="dataset_deleting",
    )
    return _locked(session, dataset_id, missing, leaving, Dataset)


def _refused(path: str, message: str, code: str = "invalid_job", **more: Any) -> InvalidInputError:
    return InvalidInputError(
        f"The job is not valid: {path} {message}.",
        code=code,
        fields=[{"path": path, "message": message, **more}],
    )


def _locked_checkpoint(session: Session, checkpoint_id: str | None) -> Checkpoint:
    missing = NotFoundError(
        f"There is no checkpoint {checkpoint_id}. Create it with POST /v1/checkpoints.",
        code="checkpoint_not_found",
    )
    leaving = ConflictError(
        f"The checkpoint {checkpoint_id} is being deleted. Create it again to use it.",
        code="checkpoint_deleting",
    )
    return _locked(session, checkpoint_id, missing, leaving, Checkpoint)


def _checkpoint(session: Session, start: WarmStart, encoder: str) -> WarmStart:
    """The start with the digest of its checkpoint, which must be of the job's encoder."""
    checkpoint = _locked_checkpoint(session, start.checkpoint)
    if checkpoint.encoder != encoder:
        reports: dict[str, Any] = {r["encoder"]: r for r in checkpoint.reports}
        report = reports.get(encoder, {})
        raise _refused(
            "$.pretraining.init.checkpoint",
            f"has weights of {checkpoint.encoder}, the job's encoder is {encoder}; set "
            f"pretraining.encoder to {checkpoint.encoder}",
            "checkpoint_does_not_fit",
            **{key: report[key] for key in ("missing", "misfits") if key in report},
        )
    if start.digest not in (None, checkpoint.digest):
        raise _refused("$.pretraining.init.digest", f"is not that of {checkpoint.id}")
    return start.model_copy(update={"digest": checkpoint.digest})


def _reference(session: Session, asked: ReferenceSpec) -> ReferenceSpec:
    """The reference with digest and encoder of its checkpoint."""
    checkpoint = _locked_checkpoint(session, asked.checkpoint)
    if asked.digest not in (None, checkpoint.digest):
        raise _refused("$.scoring.reference.digest", f"is not that of {checkpoint.id}")
    return asked.model_copy(update={"digest": checkpoint.digest, "encoder": checkpoint.encoder})


def with_starts(session: Session, spec: SearchSpec, dataset: Dataset) -> SearchSpec:
    """The spec with the digest of its checkpoint; everything it starts from is there.

    Raises:
        InvalidInputError: `checkpoint_does_not_fit` or `invalid_job`.
        NotFoundError, ConflictError: as codes say.
    """
    pretraining = spec.pretraining
    matching = isinstance(search_stage(spec).strategy, DensityMatchingStrategy)
    for place, stage in enumerate(pretraining.chain):
        path = f"$.pretraining.chain[{place}].dataset_id"
        source = usable_dataset(session, stage.dataset_id, path)
        if matching and source.digest == dataset.digest:
            raise _refused(path, "is the job's own, whose folds density_matching holds out")
    if isinstance(pretraining.init, WarmStart) and pretraining.init.checkpoint is not None:
        init = _checkpoint(session, pretraining.init, pretraining.encoder)
        pretraining = pretraining.model_copy(update={"init": init})
    scoring = spec.scoring
    if scoring.reference is not None:
        reference = _reference(session, scoring.reference)
        scoring = scoring.model_copy(update={"reference": reference})
    return spec.model_copy(update={"pretraining": pretraining, "scoring": scoring})


def dataset_of(session: Session, job: Job, spec: SearchSpec, task: str) -> Dataset:
    """The dataset of a trial: that of its source, else the job's."""
    if task.startswith(SOURCE):
        stage = spec.pretraining.chain[int(task.removeprefix(SOURCE))]
        return session.get_one(Dataset, stage.dataset_id)
    return session.get_one(Dataset, job.dataset_id)


def started_from(session: Session, job: Job, spec: SearchSpec) -> dict[str, Any]:
    """For the provenance of a policy: the source datasets, and the digests of what stages left.
    Empty from scratch. The digest of a checkpoint is part of `pretraining`.
    """
    if not spec.pretraining.is_warm:
        return {}
    sources = [session.get_one(Dataset, stage.dataset_id) for stage in spec.pretraining.chain]
    rows = session.execute(
        select(Trial.task, Trial.seed, Trial.provenance)
        .where(Trial.job_id == job.id, Trial.state == "completed")
        .order_by(Trial.number)
    )
    return {
        "sources": [
            {"id": d.id, "name": d.name, "digest": d.digest, "images": d.images} for d in sources
        ],
        "stages": [
            {"task": task, "seed": seed, "digest": (provenance or {}).get("weights")}
            for task, seed, provenance in rows
            if is_stage(task)
        ],
    }
