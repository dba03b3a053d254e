"""A job as the API shows it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.schemas import JobDetail
from core.jobs.workers import waiting_for
from core.store.tables import Job

_PARTS = ("dashboard", "trials", "policy", "pause", "resume", "stop", "cancel")


def detail(session: Session, job: Job) -> JobDetail:
    """A job with its links, and with what it waits for."""
    base = f"/v1/jobs/{job.id}"
    links = {part: f"{base}/{part}" for part in _PARTS}
    if job.spec.get("final_pretraining") is not None:
        links |= {"encoder": f"{base}/encoder", "encoder_card": f"{base}/encoder/card"}
    more = {"links": {"self": base, **links}, "waiting_for": waiting_for(session, job)}
    return JobDetail.model_validate(job).model_copy(update=more)
