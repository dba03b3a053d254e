"""What the operator watches: counts over all owners, read from the tables when asked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.totals import totals
from core.jobs.workers import workers_seen
from core.lifecycle import JOB, TRIAL
from core.store.tables import Job, Trial


@dataclass(frozen=True)
class Counts:
    """Counts by state, sums over completed trials by name and kind, and workers: name, bytes of
    GPU memory and bytes in use, where they have a GPU.
    """

    jobs: dict[str, int]
    trials: dict[str, int]
    totals: dict[str, dict[str, float]]
    oldest_queued_seconds: float
    workers: int
    memory: dict[str, tuple[int, int]]


def counts(session: Session) -> Counts:
    """The counts; states without a row count 0."""
    jobs: dict[str, int] = dict.fromkeys(JOB, 0)
    trials: dict[str, int] = dict.fromkeys(TRIAL, 0)
    for state, count in session.execute(select(Job.state, func.count(Job.id)).group_by(Job.state)):
        jobs[state] = count
    age = func.extract("epoch", func.now() - func.min(Trial.created_at))
    oldest: dict[str, float] = {}
    for state, count, seconds in session.execute(
        select(Trial.state, func.count(Trial.id), age).group_by(Trial.state)
    ):
        trials[state], oldest[state] = count, seconds
    seen = workers_seen(session)
    return Counts(
        jobs=jobs,
        trials=trials,
        totals=totals(session),
        oldest_queued_seconds=float(oldest.get("queued", 0.0)),
        workers=len(seen),
        memory={
            worker.name: (worker.device_memory, worker.device_memory_used or 0)
            for worker in seen
            if worker.device_memory is not None
        },
    )
