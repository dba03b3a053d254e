"""Further trials for a worker that trains several at once."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.claim import ClaimedTrial, claim
from core.jobs.twins import is_waiting
from core.jobs.workers import workers_for
from core.settings import Settings
from core.store.tables import Job, Trial


def claim_mates(
    session: Session, claimed: ClaimedTrial, most: int, worker: str, settings: Settings
) -> list[ClaimedTrial]:
    """Take at most `most` queued trials of the same job, task and rung, each with a lease of its
    own; of what is queued no more than this worker's share. The messages of those trials find them
    taken, and are dropped. One that waits for an equal trial goes on waiting.
    """
    spec = claimed.spec
    alike = (
        Trial.job_id == claimed.job_id, Trial.state == "queued", Trial.task == spec.task,
        Trial.iterations == spec.iterations, Trial.resume_from == spec.resume_from,
        Trial.schedule_iterations == spec.schedule_iterations, Trial.payload.is_(None),
    )  # fmt: skip
    ask = session.scalar(select(Job.spec["worker"]).where(Job.id == claimed.job_id))
    queued = session.scalar(select(func.count()).where(*alike)) or 0
    share = -(-(queued + 1) // max(1, workers_for(session, ask))) - 1
    # Rows that another worker is about to take are passed over, so that none waits for the other.
    ids = session.scalars(
        select(Trial.id)
        .join(Job, Job.id == Trial.job_id)
        .where(*alike, ~is_waiting())
        .order_by(Trial.number)
        .limit(max(0, min(most, share)))
        .with_for_update(skip_locked=True, of=Trial)
    ).all()
    taken = [claim(session, trial_id, worker, settings) for trial_id in ids]
    return [mate for mate in taken if mate is not None]
