"""Quotas of one owner: storage, unfinished jobs, seconds of trials."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import Session

from core.lifecycle import active
from core.settings import Settings
from core.store.tables import Checkpoint, Dataset, Job, Trial
from quarterturn.errors import ForbiddenError

_WINDOW = timedelta(hours=24)


def _of(session: Session, owner: str, key: int) -> None:
    """Of two requests of one owner at the same time, the second waits and counts the first."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(owner, key))))


def stored_bytes(session: Session, owner: str) -> int:
    """Bytes of what an owner has stored: decoded images, checkpoints, encoders, and what jobs ask
    for and end with. What others have too is counted in full.
    """
    images = func.sum(Dataset.images.cast(BigInteger) * Dataset.resolution * Dataset.resolution * 3)
    documents = func.sum(
        func.pg_column_size(Job.spec)
        + func.coalesce(func.pg_column_size(Job.ranking), 0)
        + func.coalesce(Job.encoder["size_bytes"].astext.cast(BigInteger), 0)
    )
    sizes = (
        select(images).where(Dataset.owner == owner, Dataset.state == "ready"),
        select(func.sum(Checkpoint.size_bytes)).where(
            Checkpoint.owner == owner, Checkpoint.state == "ready"
        ),
        select(documents).where(Job.owner == owner),
    )
    return sum(int(session.scalar(query) or 0) for query in sizes)


def trial_seconds(session: Session, owner: str) -> float:
    """Seconds within the last 24 hours in which trials of an owner ran; of a trial that was begun
    again, only the last attempt counts.
    """
    begin = func.now() - _WINDOW
    end = func.coalesce(Trial.finished_at, func.now())
    seconds = func.extract("epoch", end - func.greatest(Trial.started_at, begin))
    query = (
        select(func.sum(seconds))
        .join(Job, Job.id == Trial.job_id)
        .where(
            Job.owner == owner,
            Trial.started_at.is_not(None),
            Trial.state != "queued",
            end > begin,
        )
    )
    return float(session.scalar(query) or 0.0)


def allow_stored(session: Session, owner: str, more: int, settings: Settings) -> None:
    """Refuse `more` bytes beyond the quota.

    Raises:
        ForbiddenError: `quota_storage`.
    """
    quota = settings.quota_storage_bytes
    if not quota:
        return
    _of(session, owner, 1)
    used = stored_bytes(session, owner)
    if used + more > quota:
        raise ForbiddenError(
            f"That takes {more} bytes; of your {quota} bytes {used} are used. Delete datasets, "
            "checkpoints or ended jobs, send less, or ask the operator for more.",
            code="quota_storage",
        )


def allow_job(session: Session, owner: str, settings: Settings) -> None:
    """Refuse one more job beyond the quotas. Jobs that run already are not stopped.

    Raises:
        ForbiddenError: `quota_jobs` or `quota_trial_seconds`.
    """
    if settings.quota_jobs:
        _of(session, owner, 2)
        query = select(func.count(Job.id)).where(Job.owner == owner, Job.state.in_(active("jobs")))
        running = session.scalar(query) or 0
        if running >= settings.quota_jobs:
            raise ForbiddenError(
                f"You have {running} unfinished jobs, which is all that you may have. "
                "Wait for one or cancel one.",
                code="quota_jobs",
            )
    if settings.quota_trial_seconds:
        used = trial_seconds(session, owner)
        if used >= settings.quota_trial_seconds:
            raise ForbiddenError(
                f"Your trials ran for {used:.0f} s within the last 24 hours; "
                f"{settings.quota_trial_seconds} s are allowed. Try again later.",
                code="quota_trial_seconds",
            )
