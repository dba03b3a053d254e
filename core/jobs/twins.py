"""Equal trials at the same time: one is trained, the others wait in the queue.

That a trial waits is not a state. It is queued, has no message, and its fingerprint is that of a
trial that runs. Whoever ends the other sends its message; the sweeper does, if nobody did.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session, aliased

from core.jobs.elapsed import is_out_of_time
from core.store.tables import Trial


class TwinRunsError(Exception):
    """An equal trial runs: to be rolled back, and then `set_aside`."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint


def set_aside(session: Session, trial_id: str, fingerprint: str) -> bool:
    """Let a queued trial wait for the equal one that runs; it becomes an entry of the outbox.

    Returns:
        Whether it waits; otherwise the other has ended, and the trial is to be dispatched.
    """
    # Whoever ends the twin waits for this lock, and then sees who waits.
    twin = session.execute(
        select(Trial.id, Trial.job_id)
        .where(Trial.fingerprint == fingerprint, Trial.state == "running")
        .with_for_update(read=True)
    ).one_or_none()
    if twin is None:
        return False
    session.execute(
        update(Trial)
        .where(Trial.id == trial_id, Trial.state == "queued")
        .values(
            fingerprint=fingerprint, dispatched_at=None, reason="equal_trial",
            message=f"Waits for the result of the equal trial {twin.id} of job {twin.job_id}.",
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return True


def is_waiting() -> ColumnElement[bool]:
    """Whether the queued trial of a query over trials and their jobs waits for an equal one. It
    does so no longer than its job has time.
    """
    twin = aliased(Trial)
    runs = select(twin.id).where(twin.fingerprint == Trial.fingerprint, twin.state == "running")
    return and_(Trial.fingerprint.is_not(None), runs.exists(), ~is_out_of_time())


def set_free(session: Session, fingerprint: str | None) -> list[str]:
    """The queued trials with the fingerprint of one that runs no more, to be dispatched."""
    if fingerprint is None:
        return []
    waiting = select(Trial.id).where(Trial.fingerprint == fingerprint, Trial.state == "queued")
    return list(session.scalars(waiting.order_by(Trial.created_at, Trial.number)))
