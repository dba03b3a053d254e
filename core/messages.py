"""What waits in the broker's queues."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from typing import Any, cast

from redis import Redis

from core.placement import QUEUES
from core.queue import broker_url, plain_url
from core.settings import Settings

_AT_ONCE = 1000


@lru_cache(maxsize=1)
def _redis(url: str) -> Redis:
    return Redis.from_url(plain_url(url), socket_timeout=3, socket_connect_timeout=3)


def queue_length(settings: Settings) -> int:
    """Messages waiting, in all queues.

    Raises:
        redis.exceptions.RedisError: the broker does not answer.
    """
    with _redis(broker_url(settings)).pipeline(transaction=False) as pipeline:
        for queue in QUEUES:
            pipeline.llen(queue)
        return sum(pipeline.execute())


def _trial_in(message: bytes) -> str | None:
    """The trial that a message of Celery is about; None if it is not one of ours."""
    try:
        arguments: Any = json.loads(base64.b64decode(json.loads(message)["body"]))
        return str(arguments[0][0])
    except (ValueError, TypeError, LookupError):
        return None


def remove_messages(settings: Settings, trial_ids: set[str]) -> int:
    """Remove the messages of trials, the oldest first, a thousand at most; how many there were.

    Raises:
        redis.exceptions.RedisError: the broker does not answer.
    """
    redis = _redis(broker_url(settings))
    removed = 0
    for queue in QUEUES:
        oldest = cast("list[bytes]", redis.lrange(queue, -_AT_ONCE, -1))
        with redis.pipeline(transaction=False) as pipeline:
            for message in reversed(oldest):
                if _trial_in(message) in trial_ids:
                    pipeline.lrem(queue, -1, message.decode())
            removed += sum(pipeline.execute())
    return removed


def waiting_trials(settings: Settings) -> set[str]:
    """The ids of all trials that have a message waiting. Reads all messages.

    New ones come in at the beginning of a queue and the oldest leave its end, so one that waits all
    the while is not missed between two parts.

    Raises:
        redis.exceptions.RedisError: the broker does not answer.
    """
    redis = _redis(broker_url(settings))
    found: set[str | None] = set()
    for queue in QUEUES:
        start = 0
        while part := cast("list[bytes]", redis.lrange(queue, start, start + _AT_ONCE - 1)):
            found.update(_trial_in(message) for message in part)
            start += len(part)
    return {trial for trial in found if trial is not None}
