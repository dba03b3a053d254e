"""Whose trial is next: owners have equal shares of the workers, and so have the jobs of one owner.

Messages come in the order in which jobs were queued. A worker takes one as a call to work, not as
an order: it claims the next trial of the owner who has the fewest running, of those that ask for
the same kind of worker. As there are as many messages as queued trials, none is left over.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from core.jobs.claim import ClaimedTrial, claim
from core.jobs.twins import is_waiting
from core.lifecycle import OPEN_JOBS
from core.settings import Settings
from core.store.tables import Job, Trial

#: Others may take the same trial at the same moment.
_TRIES = 5


def next_trial(session: Session, trial_id: str) -> str | None:
    """The trial to be taken by whoever got the message of `trial_id`; None if there is none."""
    asking, running = aliased(Trial), aliased(Trial)
    asked = (
        select(Job.spec["worker"])
        .join(asking, asking.job_id == Job.id)
        .where(asking.id == trial_id)
        .scalar_subquery()
    )
    busy = (
        select(func.count())
        .where(running.job_id == Job.id, running.state == "running")
        .scalar_subquery()
    )
    jobs = (
        select(
            Job.id,
            busy.label("of_job"),
            func.sum(busy).over(partition_by=Job.owner).label("of_owner"),
        )
        .where(Job.state.in_(OPEN_JOBS), Job.spec["worker"].is_not_distinct_from(asked))
        .subquery()
    )
    first = (
        select(Trial.id)
        .join(Job, Job.id == Trial.job_id)
        .where(Trial.job_id == jobs.c.id, Trial.state == "queued", ~is_waiting())
        .order_by(Trial.number)
        .limit(1)
        .lateral()
    )
    query = (
        select(first.c.id)
        .select_from(jobs)
        .join(first, onclause=first.c.id.is_not(None))
        .order_by(jobs.c.of_owner, jobs.c.of_job, jobs.c.id)
        .limit(1)
    )
    found: str | None = session.scalar(query)
    return found


def claim_next(
    session: Session, trial_id: str, worker: str, settings: Settings
) -> ClaimedTrial | None:
    """Claim what is next for the message of a trial; None if nothing is to be had."""
    for _ in range(_TRIES):
        chosen = next_trial(session, trial_id)
        if chosen is None:
            break
        claimed = claim(session, chosen, worker, settings)
        if claimed is not None:
            return claimed
    return claim(session, trial_id, worker, settings)
