"""The sweeper's clock: a thread of the API process."""

from __future__ import annotations

import logging
import threading

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from core.datasets.catalog import finish_deletions
from core.datasets.leftovers import remove_leftovers
from core.dispatch import dispatch, queue_length
from core.jobs.retention import expire, remove_files
from core.jobs.sweep import sweep
from core.settings import Settings
from core.store.database import session_scope
from core.weights.catalog import finish_checkpoint_deletions

logger = logging.getLogger(__name__)


def sweep_once(settings: Settings) -> list[str]:
    """One round: lost trials, lost messages, stalled jobs, unfinished deletions."""
    try:
        empty = queue_length(settings) == 0
    except RedisError:
        empty = False  # the broker is away: nothing can be sent now
    with session_scope() as session:
        due = sweep(session, settings, queue_is_empty=empty)
    dispatch(due)
    expire(settings)
    finish_deletions(settings)
    finish_checkpoint_deletions(settings)
    remove_leftovers(settings)
    remove_files(settings)
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
        while not self._stopped.wait(self._settings.sweep_seconds):
            try:
                sweep_once(self._settings)
            except (SQLAlchemyError, OSError) as error:
                logger.warning("sweep failed, will try again: %s", error)
            except Exception:
                logger.exception("sweep failed, will try again")
