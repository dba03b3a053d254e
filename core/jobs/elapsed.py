"""How long a job has run: the time that budgets and dashboards count."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, false, func

from core.store.tables import Job


def elapsed_seconds(job: Job, now: datetime) -> float:
    """Seconds since the first trial was taken, without the time that the job was paused.

    Args:
        now: by the clock of the database, as all other times.
    """
    if job.started_at is None:
        return 0.0
    until = job.paused_at or job.finished_at or now
    return max(0.0, (until - job.started_at).total_seconds() - job.paused_seconds)


def is_out_of_time() -> ColumnElement[bool]:
    """Whether the budget of seconds of a job that is queued or running is spent, for a query."""
    elapsed = func.extract("epoch", func.now() - Job.started_at) - Job.paused_seconds
    return func.coalesce(elapsed >= Job.spec[("budget", "seconds")].as_float(), false())
