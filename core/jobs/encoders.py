"""The final encoder of a job."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.jobs.create import find_job
from core.settings import get_settings
from core.store.tables import Job
from quarterturn.errors import ConflictError


def job_with_encoder(session: Session, job_id: str) -> Job:
    """The job, which has a final encoder; its file is stored under `encoder_key`.

    Raises:
        NotFoundError: `job_not_found`. ConflictError: `encoder_not_ready`, saying why.
    """
    job = find_job(session, job_id)
    if job.encoder is not None:
        return job
    if job.spec.get("final_pretraining") is None:
        why = "The job was not asked for one; start one with final_pretraining."
    elif job.state in ("queued", "running", "cancelling"):
        why = f"The job is {job.state}; the encoder is pretrained after the selection."
    elif days := get_settings().keep_encoders_days:
        why = f"Its pretraining did not complete, or the job ended more than {days:g} days ago."
    else:
        why = "Its pretraining did not complete; see the trials of the job."
    raise ConflictError(f"There is no encoder. {why}", code="encoder_not_ready")
