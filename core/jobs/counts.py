"""What the operator watches: counts over all owners, read from the tables when asked."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.workers import workers_seen
from core.lifecycle import JOB, TRIAL
from core.store.tables import Job, Trial


@dataclass(frozen=True)
class Counts:
    """Counts by state, and of completed trials per kind: how many, seconds, iterations."""

    jobs: dict[str, int]
    trials: dict[str, int]
    completed: dict[str, tuple[int, float, int]]
    retries: int
    lost: int
    oldest_queued_seconds: float
    workers: int


def counts(session: Session) -> Counts:
    """The counts; states without a row count 0."""
    jobs: dict[str, int] = dict.fromkeys(JOB, 0)
    trials: dict[str, int] = dict.fromkeys(TRIAL, 0)
    for table, found in ((Job, jobs), (Trial, trials)):
        rows = session.execute(select(table.state, func.count(table.id)).group_by(table.state))
        found.update((state, count) for state, count in rows)
    kind = func.split_part(Trial.task, "/", 1)
    done = session.execute(
        select(kind, func.count(Trial.id), func.sum(Trial.seconds), func.sum(Trial.iterations_run))
        .where(Trial.state == "completed")
        .group_by(kind)
    )
    retries = select(func.sum(func.greatest(Trial.attempt - 1, 0)))
    lost = select(func.count(Trial.id)).where(Trial.reason == "worker_lost")
    oldest = select(func.extract("epoch", func.now() - func.min(Trial.created_at))).where(
        Trial.state == "queued"
    )
    return Counts(
        jobs=jobs,
        trials=trials,
        completed={
            name: (count, float(seconds or 0), int(iterations or 0))
            for name, count, seconds, iterations in done
        },
        retries=int(session.scalar(retries) or 0),
        lost=int(session.scalar(lost) or 0),
        oldest_queued_seconds=float(session.scalar(oldest) or 0),
        workers=len(workers_seen(session)),
    )
