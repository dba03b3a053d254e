"""How long a job has run: the time that budgets and dashboards count."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, false, func

from core.store.tables import Job


def elapsed_between(started: datetime | None, until: datetime, paused_seconds: float) -> float:
    """Seconds from the first trial until then, without the time that the job was paused."""
    if started is None:
        return 0.0
    return max(0.0, (until - started).total_seconds() - paused_seconds)


def elapsed_seconds(job: Job, now: datetime) -> float:
    """The same of a job, until it was paused or ended, or until now.

    Args:
        now: by the clock of the database, as all other times.
    """
    until = job.paused_at or job.finished_at or now
    return elapsed_between(job.started_at, until, job.paused_seconds)


def is_out_of_time() -> ColumnElement[bool]:
    """Whether the budget of seconds of a job that is queued or running is spent, for a query."""
    elapsed = func.extract("epoch", func.now() - Job.started_at) - Job.paused_seconds
    return func.coalesce(elapsed >= Job.spec[("budget", "seconds")].as_float(), false())
