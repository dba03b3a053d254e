"""The sweeper: finds what a crash left behind. Running it twice, or on two servers, is harmless."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core.jobs.advance import advance
from core.jobs.losses import with_this_loss
from core.jobs.totals import add
from core.jobs.twins import is_waiting
from core.lifecycle import ENDING_JOBS, OPEN_JOBS, active
from core.placement import queue_of
from core.settings import Settings
from core.store.tables import Job, Trial
from core.store.transitions import transition

logger = logging.getLogger(__name__)

_SENT_AT_ONCE = 1000
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
    lost = 0
    for trial_id, job_id, attempt in expired:
        state = session.scalar(select(Job.state).where(Job.id == job_id).with_for_update())
        silent = (Trial.id == trial_id, Trial.lease_expires_at < func.now())
        if state in ENDING_JOBS:
            lost += transition(
                session,
                Trial,
                "cancelled",
                *silent,
                lease_token=None,
                lost=with_this_loss(),
                reason=ENDING_JOBS[state],
                message="The job was ending; its worker is lost.",
                finished_at=func.now(),
            )
            due += advance(session, job_id)
        elif attempt < settings.max_attempts:
            again = transition(
                session,
                Trial,
                "queued",
                *silent,
                reason="worker_lost",
                lease_token=None,
                lost=with_this_loss(),
                message=f"The worker of attempt {attempt} was lost; queued again.",
            )
            lost += again
            if again and state in OPEN_JOBS:
                due.append(trial_id)
        elif transition(
            session,
            Trial,
            "crashed",
            *silent,
            reason="worker_lost",
            lease_token=None,
            lost=with_this_loss(),
            message=f"The worker was lost in each of {attempt} attempts.",
            finished_at=func.now(),
        ):
            lost += 1
            due += advance(session, job_id)
    if lost:
        add(session, "", lease_losses=lost)
    return due


def undelivered(
    session: Session, settings: Settings, waiting: set[str] | None, coming: Collection[str]
) -> list[str]:
    """Trials that were queued but never dispatched, or whose message is lost; not those that wait
    for an equal one, nor those that are about to be sent.

    A message counts as lost if it was sent a while ago and is not in a queue. One that a worker has
    just taken is sent twice then, which the claim makes harmless.
    """
    long_ago = func.now() - timedelta(seconds=settings.sweep_seconds)
    never = Trial.dispatched_at.is_(None) & (Trial.created_at < long_ago)
    sent = Trial.dispatched_at < long_ago
    candidates = session.scalars(
        select(Trial.id)
        .join(Job, Job.id == Trial.job_id)
        .where(
            Trial.state == "queued",
            Job.state.in_(OPEN_JOBS),
            never if waiting is None else or_(never, sent),
            ~is_waiting(),
        )
        .order_by(Trial.created_at, Trial.number)
    )
    sent_or_coming = {*(waiting or ()), *coming}
    without = (trial_id for trial_id in candidates if trial_id not in sent_or_coming)
    return list(itertools.islice(without, _SENT_AT_ONCE))


def stalled_jobs(session: Session) -> list[str]:
    """Active jobs with nothing queued or running: their planner died, or their budget ran out."""
    busy = select(Trial.id).where(Trial.job_id == Job.id, Trial.state.in_(("queued", "running")))
    return list(
        session.scalars(
            select(Job.id).where(Job.state.in_((*OPEN_JOBS, *ENDING_JOBS)), ~busy.exists())
        )
    )


def sweep(
    session: Session,
    settings: Settings,
    waiting: set[str] | None = None,
    coming: Collection[str] = (),
) -> list[str]:
    """One round; does nothing while another server is sweeping.

    Args:
        waiting: trials with a message in a queue; None if nobody looked.
        coming: trials that this process is about to send.

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
    due += undelivered(session, settings, waiting, coming)
    return list(dict.fromkeys(due))


def without_job(session: Session, trial_ids: Collection[str]) -> set[str]:
    """Of trials, those whose job has ended or was deleted: their messages are of no use."""
    gone = set(trial_ids)
    ordered = sorted(trial_ids)
    for start in range(0, len(ordered), _SENT_AT_ONCE):
        part = ordered[start : start + _SENT_AT_ONCE]
        rows = session.scalars(
            select(Trial.id)
            .join(Job, Job.id == Trial.job_id)
            .where(Trial.id.in_(part), Job.state.in_(active("jobs")))
        )
        gone.difference_update(rows)
    return gone


def queues_of(session: Session, trial_ids: list[str]) -> dict[str, str]:
    """The queue of each trial, by what its job asks for."""
    rows = session.execute(
        select(Trial.id, Job.spec["worker"])
        .join(Job, Job.id == Trial.job_id)
        .where(Trial.id.in_(trial_ids))
    )
    return {trial_id: queue_of(ask) for trial_id, ask in rows}


def mark_dispatched(session: Session, trial_ids: list[str]) -> None:
    """Note that the broker has taken the messages."""
    session.execute(
        update(Trial).where(Trial.id.in_(trial_ids)).values(dispatched_at=func.clock_timestamp())
    )
