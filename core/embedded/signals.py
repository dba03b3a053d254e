"""Ending cleanly on Ctrl-C, on kill, and when the terminal closes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that is set by SIGINT, SIGTERM or SIGHUP while the block runs."""
    stopped = threading.Event()
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in caught}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
