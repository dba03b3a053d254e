"""What is costly to make and asked for by many: made by one, and given to all for a while.

Something may be twenty times as old as it took to make, within a limit; of a small job that is a
fraction of a second. So what is made of one job takes a twentieth of a core, however many look and
however fast it changes. Another state of the job is seen at once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
_SHARE = 20.0


@dataclass
class _Entry(Generic[T]):
    version: str | None = None
    state: Hashable = None
    until: float = 0.0
    made: list[T] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serves(self, version: str | None, state: Hashable) -> bool:
        if not self.made or self.state != state:
            return False
        return time.monotonic() < self.until or (version is not None and self.version == version)


class Shared(Generic[T]):
    """The last of `kept` keys; none is older than `oldest` seconds where a newer could be made."""

    def __init__(self, kept: int, oldest: float) -> None:
        self._kept, self._oldest = kept, oldest
        self._entries: OrderedDict[Hashable, _Entry[T]] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Hashable, version: str | None, state: Hashable, make: Callable[[], T]) -> T:
        """What there is of a key, or what `make` makes of it now.

        Args:
            version: equal where nothing has changed; None if the caller does not know.
            state: of the job, and whatever else is to be seen at once.
        """
        with self._guard:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._kept:
                self._entries.popitem(last=False)
        if entry.serves(version, state):
            return entry.made[0]
        # Who finds another at work takes what there is, unless that is of another state.
        same = bool(entry.made) and entry.state == state
        if not entry.lock.acquire(blocking=not same):
            return entry.made[0]
        try:
            if not entry.serves(version, state):
                begun = time.monotonic()
                entry.made = [make()]
                now = time.monotonic()
                entry.version, entry.state = version, state
                entry.until = now + min(self._oldest, _SHARE * (now - begun))
            return entry.made[0]
        finally:
            entry.lock.release()
