"""The sweeper: finds what a crash left behind. Running it twice, or on two servers, is harmless."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from core.jobs.advance import advance
from core.jobs.losses import with_this_loss
from core.lifecycle import ENDING_JOBS, OPEN_JOBS
from core.settings import Settings
from core.store.tables import Job, Trial
from core.store.transitions import transition

logger = logging.getLogger(__name__)

_LOCK = 0x51_74_75_72_6E  # any number that nobody else uses


def expire_leases(session: Session, settings: Settings) -> list[str]:
    """Retry the trials whose worker fell silent, or give them up after the last attempt.

    Returns:
        Ids of trials to dispatch.
    """
    expired = session.execute(
        select(Trial.id, Trial.job_id, Trial.attempt).where(
            Trial.state == "running", Trial.lease_expires_at < func.now()
        )
    ).all()
    due: list[str] = []
    for trial_id, job_id, attempt in expired:
        state = session.scalar(select(Job.state).where(Job.id == job_id).with_for_update())
        silent = (Trial.id == trial_id, Trial.lease_expires_at < func.now())
        if state in ENDING_JOBS:
            transition(
                session, Trial, "cancelled", *silent, lease_token=None, lost=with_this_loss(),
                reason=ENDING_JOBS[state],
                message="The job was ending; its worker is lost.", finished_at=func.now(),
            )  # fmt: skip
            due += advance(session, job_id)
        elif attempt < settings.max_attempts:
            if transition(
                session, Trial, "queued", *silent, reason="worker_lost", lease_token=None,
                lost=with_this_loss(),
                message=f"The worker of attempt {attempt} was lost; queued again.",
            ) and state in OPEN_JOBS:  # fmt: skip
                due.append(trial_id)
        elif transition(
            session, Trial, "crashed", *silent, reason="worker_lost", lease_token=None,
            lost=with_this_loss(),
            message=f"The worker was lost in each of {attempt} attempts.", finished_at=func.now(),
        ):  # fmt: skip
            due += advance(session, job_id)
    return due


def undelivered(session: Session, settings: Settings, *, queue_is_empty: bool) -> list[str]:
    """Trials that were queued but never dispatched, or whose message is lost.

    A message counts as lost if the queue is empty and it was sent a while ago.
    """
    long_ago = func.now() - timedelta(seconds=settings.sweep_seconds)
    lost = Trial.dispatched_at < long_ago if queue_is_empty else text("false")
    missing = (Trial.dispatched_at.is_(None)) & (Trial.created_at < long_ago)
    return list(
        session.scalars(
            select(Trial.id)
            .join(Job, Job.id == Trial.job_id)
            .where(Trial.state == "queued", Job.state.in_(OPEN_JOBS), or_(missing, lost))
            .order_by(Trial.created_at, Trial.number)
            .limit(1000)
        )
    )


def stalled_jobs(session: Session) -> list[str]:
    """Active jobs with nothing queued or running: their planner died, or their budget ran out."""
    busy = select(Trial.id).where(Trial.job_id == Job.id, Trial.state.in_(("queued", "running")))
    return list(
        session.scalars(
            select(Job.id).where(Job.state.in_((*OPEN_JOBS, *ENDING_JOBS)), ~busy.exists())
        )
    )


def sweep(session: Session, settings: Settings, *, queue_is_empty: bool) -> list[str]:
    """One round; does nothing while another server is sweeping.

    Returns:
        Ids of trials to dispatch.
    """
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))):
        return []
    due = expire_leases(session, settings)
    for job_id in stalled_jobs(session):
        try:
            with session.begin_nested():
                due += advance(session, job_id)
        except Exception:
            # One job that cannot be planned must not keep the others from recovering.
            logger.exception("job %s cannot be advanced", job_id)
    due += undelivered(session, settings, queue_is_empty=queue_is_empty)
    return list(dict.fromkeys(due))


def mark_dispatched(session: Session, trial_ids: list[str]) -> None:
    """Note that the broker has taken the messages."""
    session.execute(
        update(Trial).where(Trial.id.in_(trial_ids)).values(dispatched_at=func.clock_timestamp())
    )
