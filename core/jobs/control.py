"""Cancel, pause, resume and stop. Each may be asked for twice, at any moment, and in a race: the
job's row is locked, and what has been done already is not done again.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.jobs.advance import advance
from core.jobs.create import find_job
from core.lifecycle import ENDING_JOBS, final
from core.store.tables import Job, Trial
from core.store.transitions import transition
from quarterturn.errors import ConflictError

_ENDED = {"completed": "completed", "failed": "failed", "cancelled": "been cancelled"}


def _locked(session: Session, job_id: str, *, unless: str | None = None) -> Job:
    """The job, locked.

    Raises:
        NotFoundError: no such job. ConflictError: `job_finished`, it has ended in another state
            than `unless`.
    """
    job = find_job(session, job_id)
    session.refresh(job, with_for_update=True)
    if job.state in final("jobs") and job.state != unless:
        raise ConflictError(f"The job has already {_ENDED[job.state]}.", code="job_finished")
    return job


def _not_ending(job: Job) -> None:
    if job.state in ENDING_JOBS:
        raise ConflictError(
            f"The job is {job.state} and cannot be paused or resumed any more.", code="job_ending"
        )


def _end(session: Session, job: Job, state: str, message: str) -> Job:
    """Bring the job into a state of ENDING_JOBS, and withdraw what is queued."""
    reason = ENDING_JOBS[state]
    transition(session, Job, state, Job.id == job.id, reason=reason, message=message)
    transition(
        session,
        Trial,
        "cancelled",
        Trial.job_id == job.id,
        Trial.state == "queued",
        reason=reason,
        message=f"The job was {reason}.",
        finished_at=func.now(),
    )
    advance(session, job.id)
    session.refresh(job)
    return job


def cancel_job(session: Session, job_id: str) -> Job:
    """Cancel: queued trials at once, running ones when their worker next looks (seconds). Nothing
    is selected.

    Raises:
        NotFoundError: no such job. ConflictError: the job ended otherwise.
    """
    job = _locked(session, job_id, unless="cancelled")
    if job.state in ("cancelling", "cancelled"):
        return job
    return _end(session, job, "cancelling", "Cancelled by request.")


def stop_job(session: Session, job_id: str) -> Job:
    """Stop: queued trials are withdrawn, running ones finish, then what was measured is ranked and
    a policy selected. A paused job may be stopped too.

    Raises:
        NotFoundError: no such job. ConflictError: it failed, was cancelled, or is being cancelled.
    """
    job = _locked(session, job_id, unless="completed")
    if job.state == "cancelling":
        raise ConflictError("The job is being cancelled.", code="job_ending")
    if job.state in ("stopping", "completed"):
        return job
    return _end(session, job, "stopping", "Stopped by request; what runs is finished.")


def pause_job(session: Session, job_id: str) -> Job:
    """Pause: no trial begins until the job is resumed; running ones finish and are recorded. The
    budget of seconds stands still.

    Raises:
        NotFoundError: no such job. ConflictError: it has ended, or is being stopped or cancelled.
    """
    job = _locked(session, job_id)
    _not_ending(job)
    transition(session, Job, "paused", Job.id == job_id, paused_at=func.now())
    session.refresh(job)
    return job


def resume_job(session: Session, job_id: str) -> tuple[Job, list[str]]:
    """Go on with a paused job.

    Returns:
        The job, and ids of trials to dispatch; none if the job was not paused.

    Raises:
        NotFoundError: no such job. ConflictError: it has ended, or is being stopped or cancelled.
    """
    job = _locked(session, job_id)
    _not_ending(job)
    if job.state != "paused":
        return job, []
    idle = func.extract("epoch", func.now() - Job.paused_at)
    transition(
        session,
        Job,
        "running" if job.started_at else "queued",
        Job.id == job_id,
        paused_at=None,
        # Time before the first trial was taken counts for nothing anyway.
        paused_seconds=Job.paused_seconds + (idle if job.started_at else 0.0),
    )
    due = advance(session, job_id)
    # Messages of a paused job are dropped as they are delivered.
    waiting = session.scalars(
        select(Trial.id)
        .where(Trial.job_id == job_id, Trial.state == "queued")
        .order_by(Trial.number)
    )
    session.refresh(job)
    return job, list(dict.fromkeys([*waiting, *due]))
