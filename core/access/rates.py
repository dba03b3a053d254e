"""Rate limits, counted in Redis so that all API processes share them.

While Redis does not answer, each process counts in its own memory: the service stays up, and the
limits stay limits, though of each process.
"""

from __future__ import annotations

import logging
import math
import re
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from core.errors import TooManyRequestsError
from core.queue import plain_url

logger = logging.getLogger(__name__)

#: How long Redis is left alone after it did not answer; each try may take the timeout.
_AWAY_SECONDS = 5.0
_TIMEOUT_SECONDS = 1.0


def _storage(broker_url: str) -> Storage:
    # Sockets are redis+unix:// here.
    return RedisStorage(
        re.sub("^unix:", "redis+unix:", plain_url(broker_url)),
        key_prefix="quarterturn.rates",
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
    )


class RateLimits:
    """Counts requests over a sliding window."""

    def __init__(self, broker_url: str) -> None:
        self._shared = SlidingWindowCounterRateLimiter(_storage(broker_url))
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def _hit(self, item: RateLimitItem, names: tuple[str, ...]) -> int | None:
        """Seconds to wait, or None if the request is within the limit."""
        if time.monotonic() >= self._away_until:
            try:
                return self._count(self._shared, item, names)
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + _AWAY_SECONDS
                logger.warning("broker away, rates are limited per process: %s", error)
        return self._count(self._own, item, names)

    @staticmethod
    def _count(
        limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, names: tuple[str, ...]
    ) -> int | None:
        if limiter.hit(item, *names):
            return None
        return max(1, math.ceil(limiter.get_window_stats(item, *names).reset_time - time.time()))

    def hit(self, limit: str, kind: str, name: str) -> None:
        """Count one request of `name`, such as a key's id, against a limit such as `20/minute`.

        Raises:
            TooManyRequestsError: `rate_limited`; a request that is refused is not counted.
        """
        if not limit:
            return
        wait = self._hit(parse(limit), (kind, name))
        if wait is not None:
            raise TooManyRequestsError(
                f"More than {limit.replace('/', ' requests per ', 1)} from this {kind}. "
                f"Wait {wait} s.",
                retry_after=wait,
            )
