"""Taking a trial to train it, unless an equal one was trained or is being trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.jobs.claim import ClaimedTrial, claim
from core.jobs.reuse import equal_result, fingerprint
from core.jobs.twins import TwinRunsError
from core.settings import Settings
from core.store.tables import ONE_RUNS, Trial


@dataclass(frozen=True)
class Taken:
    """A claimed trial, and the result of an equal one, if there is one: it is not trained then."""

    claimed: ClaimedTrial
    found: dict[str, Any] | None = None


def _is_first(session: Session, claimed: ClaimedTrial, known: str) -> bool:
    """Give a running trial its fingerprint, unless an equal one runs or has completed.

    Raises:
        TwinRunsError: another worker did so at the same time.
    """
    twin = aliased(Trial)
    known_ones = twin.fingerprint == known, twin.state.in_(("running", "completed"))
    equal = select(twin.id).where(*known_ones)
    try:
        given = session.execute(
            update(Trial)
            .where(Trial.id == claimed.id, ~equal.exists())
            .values(fingerprint=known)
            .execution_options(synchronize_session=False)
        )
    except IntegrityError as error:
        if ONE_RUNS not in str(error.orig):
            raise
        raise TwinRunsError(known) from None
    assert isinstance(given, CursorResult)
    return given.rowcount == 1


def take_up(
    session: Session, trial_id: str, worker: str, settings: Settings, device: str
) -> Taken | None:
    """Claim a trial, as `core.jobs.claim.claim` does.

    Args:
        device: kind of device of the worker, such as `cpu`.

    Raises:
        TwinRunsError: an equal trial runs. The claim must not be committed.
    """
    claimed = claim(session, trial_id, worker, settings)
    if claimed is None:
        return None
    known = fingerprint(claimed, device) if settings.reuse_results else None
    out_of_time = claimed.seconds_left is not None and claimed.seconds_left <= 0
    if known is None or out_of_time or _is_first(session, claimed, known):
        return Taken(claimed)
    found = equal_result(session, known)
    if found is None:
        raise TwinRunsError(known)
    return Taken(claimed, found)
