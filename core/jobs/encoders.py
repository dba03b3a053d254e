"""The final encoder of a job: its file and its card."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from core.errors import ConflictError
from core.jobs.create import find_job
from core.settings import Settings
from core.store.tables import Job


def encoder_path(settings: Settings, job_id: str) -> Path:
    """Where the final encoder of a job lies."""
    return settings.encoders_dir / f"{job_id}.safetensors"


def encoder_file(session: Session, job_id: str, settings: Settings) -> tuple[Job, Path]:
    """The job and the file of its final encoder.

    Raises:
        NotFoundError: `job_not_found`. ConflictError: `encoder_not_ready`, saying why.
    """
    job = find_job(session, job_id)
    path = encoder_path(settings, job_id)
    if job.encoder is not None and path.exists():
        return job, path
    if job.spec.get("final_pretraining") is None:
        why = "The job was not asked for one; start one with final_pretraining."
    elif job.state in ("queued", "running", "cancelling"):
        why = f"The job is {job.state}; the encoder is pretrained after the selection."
    elif settings.keep_encoders_days and job.finished_at is not None:
        why = f"It did not complete, or is older than {settings.keep_encoders_days:g} days."
    else:
        why = "Its pretraining did not complete; see the trials of the job."
    raise ConflictError(f"There is no encoder. {why}", code="encoder_not_ready")
