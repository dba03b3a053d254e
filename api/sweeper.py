"""The sweeper's clock: two threads of the API process."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from core.checkpoints.catalog import finish_checkpoint_deletions
from core.datasets.catalog import finish_deletions
from core.datasets.leftovers import remove_leftovers
from core.dispatch import about_to_be_sent, dispatch
from core.jobs.retention import expire
from core.jobs.sweep import sweep, without_job
from core.messages import queue_length, remove_messages, waiting_trials
from core.settings import Settings
from core.store.database import session_scope
from quarterturn.errors import StorageUnavailableError

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


def sweep_trials(settings: Settings, *, thorough: bool = True) -> None:
    """Find lost trials, lost messages and stalled jobs.

    Args:
        thorough: read the queues to their ends.
    """
    waiting = _waiting(settings, thorough=thorough)
    with session_scope() as session:
        due = sweep(session, settings, waiting, about_to_be_sent())
        needless = without_job(session, waiting) if thorough and waiting else set()
    dispatch(due)
    if needless:
        with contextlib.suppress(RedisError):
            remove_messages(settings, needless)


def sweep_files(settings: Settings, *, thorough: bool = True) -> None:
    """Let go of what is old, and finish deletions.

    Args:
        thorough: look for files that nobody needs.
    """
    expire(settings)
    finish_deletions(settings)
    finish_checkpoint_deletions(settings)
    if thorough:
        remove_leftovers(settings)


class Sweeper:
    """Sweeps until stopped; an error in one round does not end it. Files have a thread of their
    own: a storage that does not answer must not keep lost trials waiting.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=[once], name=once.__name__, daemon=True)
            for once in (sweep_trials, sweep_files)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _run(self, once: Callable[..., None]) -> None:
        thorough_at = 0.0
        while not self._stopped.wait(self._settings.sweep_seconds):
            thorough = time.monotonic() >= thorough_at
            if thorough:
                thorough_at = time.monotonic() + self._settings.audit_seconds
            try:
                once(self._settings, thorough=thorough)
            except (SQLAlchemyError, StorageUnavailableError, OSError) as error:
                logger.warning("%s failed, will try again: %s", once.__name__, error)
            except Exception:
                logger.exception("%s failed, will try again", once.__name__)
