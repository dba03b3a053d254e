"""The child processes that decode images: a file that crashes a decoder harms nobody else."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from quarterturn.data.batches import DecodedBatch, decode_batch
from quarterturn.data.caps import MOST_CRASHES
from quarterturn.data.members import Member
from quarterturn.data.plan import DecodePlan
from quarterturn.data.unusable import DecodeLimits

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_executor: ProcessPoolExecutor | None = None


def submit(
    processes: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> Future[T]:
    """Run a function in a child process."""
    global _executor
    with _lock:
        if _executor is None:
            # Spawned, not forked: the service has threads, and a fork would inherit their locks.
            _executor = ProcessPoolExecutor(
                processes or os.cpu_count() or 1,
                mp_context=multiprocessing.get_context("spawn"),
            )
            atexit.register(shutdown)
        return _executor.submit(function, *args, **kwargs)


def shutdown(*, wait: bool = False) -> None:
    """End the child processes; the next call starts new ones."""
    global _executor
    with _lock:
        if _executor is not None:
            _executor.shutdown(wait=wait, cancel_futures=True)
            _executor = None


def decoded(
    future: Future[DecodedBatch],
    batch: list[Member],
    plan: DecodePlan,
    limits: DecodeLimits,
    processes: int,
) -> DecodedBatch:
    """The decoded batch; if a file crashed the decoder, the others are decoded one by one."""
    try:
        return future.result()
    except BrokenProcessPool:
        shutdown()
    whole = DecodedBatch()
    for member in batch:
        try:
            part = submit(processes, decode_batch, [member], plan, limits).result()
        except BrokenProcessPool:
            shutdown()
            message = f"crashes the decoder, or takes more than {limits.max_seconds:g} s of CPU"
            whole.skipped.append((member.name, "damaged", message))
            whole.crashes += 1
            if whole.crashes > MOST_CRASHES:
                break  # the caller refuses them all
            continue
        whole.append(part)
    return whole
