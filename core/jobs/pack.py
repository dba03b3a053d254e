"""Further trials for a worker that trains several at once."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.claim import ClaimedTrial, claim
from core.jobs.twins import is_waiting
from core.jobs.workers import workers_for
from core.settings import Settings
from core.store.tables import Job, Trial


def claim_mates(
    session: Session, claimed: ClaimedTrial, most: int, worker: str, settings: Settings
) -> Iterator[ClaimedTrial]:
    """Take at most `most` queued trials of the same job, task and rung, each with a lease of its
    own; of what is queued no more than this worker's share. The messages of those trials find them
    taken, and are dropped. One that waits for an equal trial goes on waiting.

    In a session of single statements: of trials whose rows somebody else writes, as is done when
    their messages are noted, each is waited for while no other is held.
    """
    spec = claimed.spec
    alike = (
        Trial.job_id == claimed.job_id,
        Trial.state == "queued",
        Trial.task == spec.task,
        Trial.iterations == spec.iterations,
        Trial.resume_from == spec.resume_from,
        Trial.schedule_iterations == spec.schedule_iterations,
        Trial.payload.is_(None),
    )
    ask = session.scalar(select(Job.spec["worker"]).where(Job.id == claimed.job_id))
    queued = session.scalar(select(func.count()).where(*alike)) or 0
    share = -(-(queued + 1) // max(1, workers_for(session, ask))) - 1
    wanted = min(most, share)
    to_be_had = select(Trial.id).join(Job).where(*alike, ~is_waiting()).order_by(Trial.number)
    tried: set[str] = set()
    while wanted > 0:
        # Asked again for those that another worker took first.
        untried = to_be_had.where(Trial.id.not_in(tried)).limit(wanted)
        ids = session.scalars(untried).all()
        if not ids:
            return
        for trial_id in ids:
            tried.add(trial_id)
            mate = claim(session, trial_id, worker, settings)
            if mate is not None:
                wanted -= 1
                yield mate
