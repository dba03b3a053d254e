"""A thread of each worker process that says it is alive, and warms up what trials need."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from core.jobs.workers import report_departure, report_presence
from core.settings import get_settings
from core.store.database import session_scope
from workers.identity import worker_name

logger = logging.getLogger(__name__)
_stopped = threading.Event()
_PERIOD_SECONDS = 5.0


def _beat() -> None:
    # torch takes seconds to import; the first trial should not wait for it.
    from core.pretraining.hardware import device_memory
    from workers import trial

    device = str(trial.device())
    while True:
        try:
            with session_scope() as session:
                report_presence(session, worker_name(), device, device_memory(trial.device()))
        except SQLAlchemyError as error:
            logger.warning("cannot report presence: %s", error)
        if _stopped.wait(min(_PERIOD_SECONDS, get_settings().lease_seconds)):
            return


def start() -> None:
    """Start the thread; called once in each worker process."""
    _stopped.clear()
    threading.Thread(target=_beat, name="presence", daemon=True).start()


def stop() -> None:
    """Stop the thread and sign off."""
    _stopped.set()
    try:
        with session_scope() as session:
            report_departure(session, worker_name())
    except SQLAlchemyError as error:
        logger.warning("cannot sign off: %s", error)
