"""Handing trial ids to the broker, after the commit that queued them.

If this process dies in between, or the broker is away, nothing is lost: the sweeper finds trials
without a message and sends them again.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import lru_cache

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from core.jobs.sweep import mark_dispatched, queues_of
from core.queue import RUN_TRIAL, celery_options
from core.settings import get_settings
from core.store.database import session_scope
from quarterturn.errors import UnavailableError

logger = logging.getLogger(__name__)

_NOTED_TOGETHER = 100
_REST = 2.0
#: What this process is about to send, so that its sweeper does not send it as well; what is sent
#: and noted no longer is: its message may be lost long before the last is sent.
_under_way: dict[int, set[str]] = {}
_guard = threading.Lock()
_SEND_RETRIES = {"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2}


@lru_cache(maxsize=1)
def sender() -> Celery:
    """The Celery application that sends; it knows no tasks, only their names."""
    app = Celery("quarterturn-sender", set_as_current=False)
    app.conf.update(celery_options(get_settings()))
    return app


def send(trial_id: str, queue: str) -> None:
    """Put one message into a queue.

    Raises:
        kombu.exceptions.OperationalError, RedisError, OSError: the broker is away.
    """
    sender().send_task(
        RUN_TRIAL, args=[trial_id], retry=True, retry_policy=_SEND_RETRIES, queue=queue
    )


def dispatch(trial_ids: list[str]) -> None:
    """Send trials to the workers that their jobs ask for. Never raises: what is not sent is sent by
    the sweeper.
    """
    if not trial_ids:
        return
    coming = set(trial_ids)
    with _guard:
        _under_way[id(coming)] = coming
    try:
        _dispatch(trial_ids, coming)
    finally:
        with _guard:
            del _under_way[id(coming)]


def about_to_be_sent() -> set[str]:
    """The trials that this process is sending."""
    with _guard:
        return set().union(*_under_way.values())


def _dispatch(trial_ids: list[str], coming: set[str]) -> None:
    # Noted in between: of thousands the sweeper would send again what was sent long ago.
    for start in range(0, len(trial_ids), _NOTED_TOGETHER):
        began = time.monotonic()
        part = trial_ids[start : start + _NOTED_TOGETHER]
        if not _send(part):
            return
        with _guard:
            coming.difference_update(part)
        if start + _NOTED_TOGETHER < len(trial_ids):
            # No worker waits for the rest, but other requests of this process may.
            time.sleep(_REST * (time.monotonic() - began))


def _send(trial_ids: list[str]) -> bool:
    """Send and note it; whether all went."""
    sent: list[str] = []
    try:
        with session_scope() as session:
            queues = queues_of(session, trial_ids)
        trial_ids = [trial_id for trial_id in trial_ids if trial_id in queues]  # not deleted since
        for trial_id in trial_ids:
            send(trial_id, queues[trial_id])
            sent.append(trial_id)
    except SQLAlchemyError as error:
        logger.warning("database away, %d trials wait: %s", len(trial_ids), error)
    except (OperationalError, RedisError, OSError, UnavailableError) as error:
        logger.warning("broker away, %d trials wait: %s", len(trial_ids) - len(sent), error)
    try:
        with session_scope() as session:
            mark_dispatched(session, sent)
    except SQLAlchemyError as error:
        logger.warning("database away, %d messages may be sent twice: %s", len(sent), error)
    return len(sent) == len(trial_ids)
