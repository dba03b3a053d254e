"""Checkpoints as records: creating, reading and deleting them.

torch is imported where a file is read, so that what only lists checkpoints stays light.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.access.quotas import allow_stored
from core.allowed import resolved_under
from core.lifecycle import active
from core.settings import Settings
from core.storage import storage_of
from core.store import files
from core.store.database import session_scope
from core.store.files import lock_digest
from core.store.owned import LOCAL
from core.store.tables import Checkpoint, Job, new_id
from core.store.transitions import transition
from quarterturn.data.ingest import storable
from quarterturn.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
)
from quarterturn.storage.keys import WEIGHTS, encoder_key, weights_key

if TYPE_CHECKING:
    from quarterturn.models.library import Library
    from quarterturn.models.tensors import Tensors


def _keep(
    tensors: Tensors, name: str, source: dict[str, Any], settings: Settings, owner: str
) -> tuple[Checkpoint, bool]:
    """Identify, write and record; the same numbers are the same checkpoint."""
    from quarterturn.models.identifying import identify
    from quarterturn.models.storing import save_weights

    found = identify(tensors)
    storage = storage_of(settings)
    partial = storage.partial(WEIGHTS)
    try:
        digest = save_weights(partial, found.tensors)
        size = partial.stat().st_size
        with session_scope(owner) as session:
            lock_digest(session, digest)
            storage.put(weights_key(digest), partial)
            existing = session.scalars(
                select(Checkpoint).where(Checkpoint.digest == digest, Checkpoint.state == "ready")
            ).first()
            if existing is not None:
                return existing, False
            allow_stored(session, owner, size, settings)
            checkpoint = Checkpoint(
                id=new_id("ckpt"),
                name=storable(name)[:200] or "unnamed",
                state="ready",
                digest=digest,
                encoder=found.encoder,
                tensors=len(found.tensors),
                size_bytes=size,
                source=source,
                reports=found.reports,
            )
            session.add(checkpoint)
            session.flush()
            session.refresh(checkpoint)
            return checkpoint, True
    finally:
        partial.unlink(missing_ok=True)


def from_upload(
    path: Path, name: str, settings: Settings, owner: str = LOCAL
) -> tuple[Checkpoint, bool]:
    """A checkpoint from an uploaded safetensors file, and whether it is new.

    Raises:
        InvalidInputError: `invalid_checkpoint` or `checkpoint_does_not_fit`.
        TooLargeError: `checkpoint_too_large`.
    """
    from quarterturn.models.reading import read_safetensors

    _within_size(path, settings)
    return _keep(read_safetensors(path), name, {"kind": "upload"}, settings, owner)


def _within_size(path: Path, settings: Settings) -> None:
    if path.stat().st_size > settings.max_checkpoint_bytes:
        raise TooLargeError(
            f"The checkpoint has more than {settings.max_checkpoint_bytes} bytes. Send the encoder "
            "alone, or raise QUARTERTURN_MAX_CHECKPOINT_BYTES.",
            code="checkpoint_too_large",
        )


def from_path(
    path: str, name: str | None, settings: Settings, owner: str = LOCAL
) -> tuple[Checkpoint, bool]:
    """A checkpoint from a file under a folder that the operator allows.

    Raises:
        ForbiddenError: `path_not_allowed`. InvalidInputError: `path_not_found`, and as above.
    """
    from quarterturn.models.reading import read_any

    resolved = resolved_under(
        path,
        settings.checkpoint_roots,
        setting="QUARTERTURN_CHECKPOINT_ROOTS",
        instead="Upload a safetensors file instead.",
    )
    if not resolved.is_file():
        raise InvalidInputError("There is no file at that path.", code="path_not_found")
    _within_size(resolved, settings)
    source = {"kind": "path", "file": storable(resolved.name)}
    return _keep(read_any(resolved), name or resolved.name.split(".")[0], source, settings, owner)


def from_library(
    library: Library, model: str, name: str | None, settings: Settings, owner: str = LOCAL
) -> tuple[Checkpoint, bool]:
    """A checkpoint from published weights; see `quarterturn.models.library`."""
    from quarterturn.models.library import published

    tensors, details = published(library, model, download=settings.download_weights)
    source = {"kind": "library", "library": library, **details}
    return _keep(tensors, name or f"{library} {model}", source, settings, owner)


def from_job(
    job_id: str, name: str | None, settings: Settings, owner: str = LOCAL
) -> tuple[Checkpoint, bool]:
    """A checkpoint from the final encoder of a job.

    Raises:
        NotFoundError: `job_not_found`. ConflictError: `encoder_not_ready`.
    """
    from core.jobs.encoders import job_with_encoder
    from quarterturn.models.reading import read_safetensors

    with session_scope(owner) as session:
        job = job_with_encoder(session, job_id)
        source = {"kind": "job", "job_id": job.id, "encoder": job.encoder}
        name = name or f"encoder of {job.name}"
    with storage_of(settings).held(encoder_key(job_id)) as path:
        tensors = read_safetensors(path)
    return _keep(tensors, name, source, settings, owner)


def find_checkpoint(session: Session, checkpoint_id: str) -> Checkpoint:
    """The checkpoint.

    Raises:
        NotFoundError: `checkpoint_not_found`.
    """
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None or checkpoint.state == "deleted":
        raise NotFoundError(
            f"There is no checkpoint {checkpoint_id}. Create it with POST /v1/checkpoints.",
            code="checkpoint_not_found",
        )
    return checkpoint


def delete_checkpoint(checkpoint_id: str, settings: Settings, owner: str | None = None) -> None:
    """Delete a checkpoint and its file; jobs that started from it remain.

    Raises:
        NotFoundError, or ConflictError while an unfinished job starts from it.
    """
    with session_scope(owner) as session:
        find_checkpoint(session, checkpoint_id)
        # An exclusive lock: job creation holds a shared one, so either sees the other.
        session.execute(
            select(Checkpoint.id).where(Checkpoint.id == checkpoint_id).with_for_update()
        )
        users = session.scalars(
            select(Job.id).where(
                Job.state.in_(active("jobs")),
                or_(
                    Job.spec["pretraining"]["init"]["checkpoint"].astext == checkpoint_id,
                    Job.spec["scoring"]["reference"]["checkpoint"].astext == checkpoint_id,
                ),
            )
        ).all()
        if users:
            raise ConflictError(
                f"The checkpoint is used by {len(users)} unfinished jobs, such as {users[0]}. "
                "Cancel them or wait for them first.",
                code="checkpoint_in_use",
            )
        transition(session, Checkpoint, "deleting", Checkpoint.id == checkpoint_id)
    finish_checkpoint_deletions(settings)


def finish_checkpoint_deletions(settings: Settings) -> None:
    """Remove the files of checkpoints marked for deletion; also after a crash in between."""
    storage = storage_of(settings)
    files.finish_deletions(Checkpoint, lambda digest: storage.remove(weights_key(digest)))
