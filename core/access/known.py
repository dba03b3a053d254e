"""Keys that were good a moment ago, so that not every read asks the database about its key."""

from __future__ import annotations

import threading
import time

from core.access.keys import Caller, digest_of

#: For so long a key reads on that was revoked by another process.
GOOD_SECONDS = 1.0
_MOST = 1024


class KnownCallers:
    """Callers by their keys, for a second; only those that were not refused."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Caller, float]] = {}
        self._guard = threading.Lock()

    def get(self, token: str) -> Caller | None:
        """The caller with this key, if it was good a moment ago."""
        caller, until = self._known.get(digest_of(token), (None, 0.0))
        return caller if time.monotonic() < until else None

    def keep(self, token: str, caller: Caller, asked: float) -> None:
        """Note that the database knew the key when it was asked, by the monotonic clock."""
        with self._guard:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[digest_of(token)] = (caller, asked + GOOD_SECONDS)
