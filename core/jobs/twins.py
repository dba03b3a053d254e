"""Equal trials at the same time: one is trained, the others wait in the queue.

That a trial waits is not a state. It is queued, has no message, and its fingerprint is that of a
trial that runs. Whoever ends the other sends its message; the sweeper does, if nobody did.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, CursorResult, Row, and_, bindparam, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.jobs.elapsed import is_out_of_time
from core.store.tables import ONE_RUNS, Base, Trial


class TwinRunsError(Exception):
    """An equal trial runs: this one is to be set aside (`core.jobs.claim.set_aside`)."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint


_TRIALS = Base.metadata.tables["trials"]
_TWINS = _TRIALS.alias("twins")
_trials, _twins = _TRIALS.c, _TWINS.c
# Made once, as the claim is: both are asked for every trial.
_MARK = (
    update(_TRIALS)
    .where(
        _trials.id == bindparam("trial_id"),
        _trials.lease_token == bindparam("token"),
        ~select(_twins.id)
        .where(_twins.fingerprint == bindparam("known"), _twins.state.in_(("running", "completed")))
        .exists(),
    )
    .values(fingerprint=bindparam("known"))
)
_FREED = (
    select(_trials.id)
    .join(_TWINS, _twins.fingerprint == _trials.fingerprint)
    .where(_twins.id == bindparam("twin_id"), _trials.state == "queued", _trials.id != _twins.id)
    .order_by(_trials.created_at, _trials.number)
)


def is_first(session: Session, trial_id: str, token: str, fingerprint: str) -> bool:
    """Give a running trial its fingerprint, unless an equal one runs or has completed. Of several
    at the same instant one gets it, by the index. In a session of single statements.
    """
    values = {"trial_id": trial_id, "token": token, "known": fingerprint}
    try:
        marked = session.execute(_MARK, values)
    except IntegrityError as error:
        if ONE_RUNS not in str(error.orig):
            raise
        return False
    assert isinstance(marked, CursorResult)
    return marked.rowcount == 1


def running_twin(session: Session, fingerprint: str) -> Row[str, str] | None:
    """Id and job of the trial with this fingerprint that runs; it runs until this transaction ends.
    Whoever ends it waits so long, and then sees who waits for it.
    """
    return session.execute(
        select(Trial.id, Trial.job_id)
        .where(Trial.fingerprint == fingerprint, Trial.state == "running")
        .with_for_update(read=True)
    ).one_or_none()


def is_waiting() -> ColumnElement[bool]:
    """Whether the queued trial of a query over trials and their jobs waits for an equal one. It
    does so no longer than its job has time.
    """
    twin = aliased(Trial)
    runs = select(twin.id).where(twin.fingerprint == Trial.fingerprint, twin.state == "running")
    return and_(Trial.fingerprint.is_not(None), runs.exists(), ~is_out_of_time())


def set_free(session: Session, trial_id: str) -> list[str]:
    """The trials that waited for this one, which runs no more, to be dispatched. To be asked in a
    statement after the one that ended it.
    """
    return list(session.scalars(_FREED, {"twin_id": trial_id}))
