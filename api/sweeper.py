"""The sweeper's clock: a thread of the API process."""

from __future__ import annotations

import logging
import threading
import time

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from core.datasets.catalog import finish_deletions
from core.datasets.leftovers import remove_leftovers
from core.dispatch import dispatch
from core.errors import StorageUnavailableError
from core.jobs.sweep import sweep
from core.messages import queue_length, waiting_trials
from core.settings import Settings
from core.store.database import session_scope
from core.weights.catalog import finish_checkpoint_deletions

logger = logging.getLogger(__name__)


def _waiting(settings: Settings, *, thorough: bool) -> set[str] | None:
    """The trials that have a message; None if nobody looked, as an empty queue alone is seen at
    once.
    """
    try:
        if thorough:
            return waiting_trials(settings)
        return set() if queue_length(settings) == 0 else None
    except RedisError:
        return None  # the broker is away: nothing can be sent now


def sweep_once(settings: Settings, *, thorough: bool = True) -> list[str]:
    """One round: lost trials, lost messages, stalled jobs, unfinished deletions.

    Args:
        thorough: also read the queues to the end, and look for files that nobody needs.
    """
    waiting = _waiting(settings, thorough=thorough)
    with session_scope() as session:
        due = sweep(session, settings, waiting)
    dispatch(due)
    finish_deletions(settings)
    finish_checkpoint_deletions(settings)
    if thorough:
        remove_leftovers(settings)
    return due


class Sweeper:
    """Sweeps until stopped; an error in one round does not end it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        thorough_at = 0.0
        while not self._stopped.wait(self._settings.sweep_seconds):
            thorough = time.monotonic() >= thorough_at
            if thorough:
                thorough_at = time.monotonic() + self._settings.audit_seconds
            try:
                sweep_once(self._settings, thorough=thorough)
            except (SQLAlchemyError, StorageUnavailableError, OSError) as error:
                logger.warning("sweep failed, will try again: %s", error)
            except Exception:
                logger.exception("sweep failed, will try again")
