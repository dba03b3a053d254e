"""What is kept for how long: deleting jobs, and what the settings let go."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.jobs.create import find_job
from core.lifecycle import final
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Dataset, Job
from core.store.transitions import transition
from quarterturn.errors import ConflictError

logger = logging.getLogger(__name__)


def delete_job(session: Session, job_id: str) -> None:
    """Delete an ended job with its trials. Its files are swept; its dataset stays.

    Raises:
        NotFoundError: no such job. ConflictError: `job_not_ended`.
    """
    job = find_job(session, job_id)
    session.refresh(job, attribute_names=["state"], with_for_update=True)
    if job.state not in final("jobs"):
        raise ConflictError(
            f"The job is {job.state}. Cancel it or wait for its end, then delete it.",
            code="job_not_ended",
        )
    # Trials and candidates go with it, by the foreign keys.
    session.execute(delete(Job).where(Job.id == job_id))


def _older(column: InstrumentedAttribute[object], days: float) -> ColumnElement[bool]:
    return column < func.now() - timedelta(days=days)


def _expired_datasets(session: Session, days: float) -> None:
    """Mark old datasets that no job names for deletion."""
    chained = Job.spec["pretraining"]["chain"].contains(
        func.jsonb_build_array(func.jsonb_build_object("dataset_id", Dataset.id))
    )
    unused = ~select(Job.id).where(or_(Job.dataset_id == Dataset.id, chained)).exists()
    old = (Dataset.state == "ready", _older(Dataset.created_at, days))
    # Under the lock that a job takes: either it is seen here, or it finds the dataset going.
    locked = session.scalars(
        select(Dataset.id).where(*old, unused).with_for_update(skip_locked=True)
    ).all()
    for dataset_id in locked:
        gone = transition(session, Dataset, "deleting", Dataset.id == dataset_id, unused)
        if gone:
            logger.info("dataset %s is deleted: no job uses it", dataset_id)


def expire(settings: Settings) -> None:
    """Let go of what is older than the settings say; 0 days are for ever."""
    ended = Job.state.in_(final("jobs"))
    with session_scope() as session:
        if days := settings.keep_jobs_days:
            rows = session.scalars(
                delete(Job).where(ended, _older(Job.finished_at, days)).returning(Job.id)
            )
            for job_id in rows:
                logger.info("job %s is deleted: it ended more than %g days ago", job_id, days)
        if days := settings.keep_encoders_days:
            session.execute(
                update(Job)
                .where(ended, Job.encoder.is_not(None), _older(Job.finished_at, days))
                .values(encoder=None)
                .execution_options(synchronize_session=False)
            )
        if days := settings.keep_datasets_days:
            _expired_datasets(session, days)
