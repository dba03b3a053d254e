"""Rate limits, counted in Redis so that all API processes share them.

While Redis does not answer, each process counts in its own memory: the service stays up, and the
limits stay limits, though of each process.

Who asks often is counted a portion ahead, so that not every request waits for Redis: as many as
came in the last second, at most a hundredth of what the limit allows. What is not used of it is
lost.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from core.queue import plain_url
from quarterturn.errors import TooManyRequestsError

logger = logging.getLogger(__name__)

#: How long Redis is left alone after it did not answer; each try may take the timeout.
_AWAY_SECONDS = 5.0
_TIMEOUT_SECONDS = 1.0
_PORTION_SECONDS = 1.0
_LARGEST_PORTION = 0.01  # of what the limit allows
_MOST_NAMES = 1024

#: A limit such as `20/minute`, what it is a limit of, and the name there, such as a key's id.
Counted = tuple[str, str, str]


@dataclass
class _Portion:
    """What was counted ahead for one name, until when it is good; and how many asked since."""

    left: int = 0
    until: float = 0.0
    asked: int = 0
    since: float = 0.0


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
        self._portions: dict[Counted, _Portion] = {}
        self._guard = threading.Lock()

    def _hit(self, item: RateLimitItem, names: tuple[str, ...], cost: int) -> int | None:
        """Seconds to wait, or None if the requests are within the limit."""
        if time.monotonic() >= self._away_until:
            try:
                return self._count(self._shared, item, names, cost)
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + _AWAY_SECONDS
                logger.warning("broker away, rates are limited per process: %s", error)
        return self._count(self._own, item, names, cost)

    @staticmethod
    def _count(
        limiter: SlidingWindowCounterRateLimiter,
        item: RateLimitItem,
        names: tuple[str, ...],
        cost: int,
    ) -> int | None:
        if limiter.hit(item, *names, cost=cost):
            return None
        return max(1, math.ceil(limiter.get_window_stats(item, *names).reset_time - time.time()))

    def taken(self, all_of: Iterable[Counted]) -> bool:
        """Count one request against each of these limits, if all have been counted ahead. Without
        Redis, at once.
        """
        wanted = [counted for counted in all_of if counted[0]]
        now = time.monotonic()
        with self._guard:
            portions = [self._portions.get(counted) for counted in wanted]
            if not all(p is not None and p.left > 0 and now < p.until for p in portions):
                return False
            for portion in portions:
                assert portion is not None
                portion.left -= 1
                portion.asked += 1
        return True

    def _portion(self, counted: Counted, item: RateLimitItem) -> int:
        """How many to count at once: one, and more for who asks often."""
        now = time.monotonic()
        with self._guard:
            if len(self._portions) >= _MOST_NAMES and counted not in self._portions:
                self._portions.clear()
            portion = self._portions.setdefault(counted, _Portion(since=now))
            portion.asked += 1
            seconds = now - portion.since
            if seconds < _PORTION_SECONDS / 2:
                return 1
            lately = round(portion.asked * _PORTION_SECONDS / seconds)
            portion.asked, portion.since = 0, now
            return max(1, min(lately, int(item.amount * _LARGEST_PORTION)))

    def hit(self, limit: str, kind: str, name: str) -> None:
        """Count one request of `name`, such as a key's id, against a limit such as `20/minute`.

        Raises:
            TooManyRequestsError: `rate_limited`; a request that is refused is not counted.
        """
        if not limit:
            return
        item, counted = parse(limit), (limit, kind, name)
        cost = self._portion(counted, item)
        wait = self._hit(item, (kind, name), cost)
        if wait is not None and cost > 1:
            cost = 1
            wait = self._hit(item, (kind, name), cost)
        if wait is not None:
            raise TooManyRequestsError(
                f"More than {limit.replace('/', ' requests per ', 1)} from this {kind}. "
                f"Wait {wait} s.",
                retry_after=wait,
            )
        if cost > 1:
            with self._guard:
                portion = self._portions.setdefault(counted, _Portion())
                portion.left, portion.until = cost - 1, time.monotonic() + _PORTION_SECONDS
