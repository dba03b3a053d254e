"""Limits of the child processes that decode: memory, time, nothing left behind."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import signal
import sys
from functools import lru_cache

from PIL import Image

from quarterturn.data.unusable import DecodeLimits
from quarterturn.processes.worker import in_worker


@lru_cache(maxsize=1)
def _is_child(_process: int) -> bool:
    return in_worker() or multiprocessing.parent_process() is not None


@lru_cache(maxsize=1)
def _keep_what_is_loaded() -> None:
    """Modules stay until the end: looking through them for garbage takes longer than some files."""
    gc.freeze()


def confine(limits: DecodeLimits) -> None:
    """Limit this process, if it is a child; again and again is the same as once."""
    if not _is_child(os.getpid()):
        return
    # Pillow refuses twice as many by itself, before our own check is reached.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    _keep_what_is_loaded()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Private memory, so that libraries that are mapped do not count.
        resource.setrlimit(resource.RLIMIT_DATA, (limits.max_memory, limits.max_memory))


def start_clock(limits: DecodeLimits) -> None:
    """Let this process die of SIGPROF after so many seconds of CPU, also deep within a decoder."""
    if _is_child(os.getpid()):
        signal.setitimer(signal.ITIMER_PROF, limits.max_seconds)


def stop_clock() -> None:
    """The file is done with."""
    if _is_child(os.getpid()):
        signal.setitimer(signal.ITIMER_PROF, 0)
