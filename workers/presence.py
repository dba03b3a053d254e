"""Threads of each worker process: one says that it is alive, and warms up what trials need; one
keeps its machine's copies tidy.
"""

from __future__ import annotations

import logging
import os
import signal
import threading

from sqlalchemy.exc import SQLAlchemyError

from core.jobs.workers import report_departure, report_presence
from core.placement import QUEUES
from core.settings import get_settings
from core.storage import storage_of
from core.store.database import get_engine, session_scope
from core.store.schema import mismatch
from quarterturn.errors import StorageUnavailableError
from workers.identity import worker_name

logger = logging.getLogger(__name__)
_stopped = threading.Event()
_PERIOD_SECONDS = 5.0
_TIDY_SECONDS, _ABANDONED_SECONDS = 300.0, 6 * 3600.0
#: Set before the fork by whoever starts the worker with other queues than Celery's default.
queues: list[str] = [QUEUES[0]]


def _beat() -> None:
    # torch takes seconds to import; the first trial should not wait for it.
    from quarterturn.pretrain.hardware import device_memory
    from workers import trial

    device = str(trial.device())
    while True:
        try:
            _leave_if_outdated()
            with session_scope() as session:
                report_presence(
                    session, worker_name(), device, queues, device_memory(trial.device())
                )
        except SQLAlchemyError as error:
            logger.warning("cannot report presence: %s", error)
        if _stopped.wait(min(_PERIOD_SECONDS, get_settings().lease_seconds)):
            return


def _leave_if_outdated() -> None:
    """A worker of another release than the database hands its trial back and ends; whoever started
    it starts the new release.
    """
    why = mismatch(get_engine())
    if why is not None and not _stopped.is_set():
        logger.error("this worker ends: %s", why)
        os.kill(os.getppid(), signal.SIGTERM)
        _stopped.set()


def _tidy() -> None:
    """Copies of what was deleted elsewhere must not stay on this machine."""
    while True:
        try:
            storage_of(get_settings()).tidy(_ABANDONED_SECONDS)
        except (StorageUnavailableError, OSError) as error:
            logger.warning("cannot tidy the cache: %s", error)
        if _stopped.wait(_TIDY_SECONDS):
            return


def start() -> None:
    """Start the threads; called once in each worker process."""
    _stopped.clear()
    threading.Thread(target=_tidy, name="tidying", daemon=True).start()
    threading.Thread(target=_beat, name="presence", daemon=True).start()


def stop() -> None:
    """Stop the threads and sign off."""
    _stopped.set()
    try:
        with session_scope() as session:
            report_departure(session, worker_name())
    except SQLAlchemyError as error:
        logger.warning("cannot sign off: %s", error)
