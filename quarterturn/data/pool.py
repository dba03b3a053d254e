"""The child processes that decode images: a file that crashes a decoder harms nobody else."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar, TypeVarTuple

from quarterturn.data.batches import DecodedBatch, decode_batch
from quarterturn.data.caps import MOST_CRASHES
from quarterturn.data.members import Member
from quarterturn.data.plan import DecodePlan
from quarterturn.data.unusable import DecodeLimits
from quarterturn.processes import Processes, WorkerDiedError

Ts = TypeVarTuple("Ts")
T = TypeVar("T")

_lock = threading.Lock()
_pool: Processes | None = None


def submit(processes: int, function: Callable[[*Ts], T], *args: *Ts) -> Future[T]:
    """Run a function in a child process."""
    global _pool
    with _lock:
        if _pool is None:
            _pool = Processes(processes or os.cpu_count() or 1)
            atexit.register(shutdown)
        return _pool.submit(function, *args)


def shutdown() -> None:
    """End the child processes; the next call starts new ones."""
    global _pool
    with _lock:
        if _pool is not None:
            _pool.end()
            _pool = None


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
    except WorkerDiedError:
        pass
    whole = DecodedBatch()
    for member in batch:
        try:
            part = submit(processes, decode_batch, [member], plan, limits).result()
        except WorkerDiedError:
            message = f"crashes the decoder, or takes more than {limits.max_seconds:g} s of CPU"
            whole.skipped.append((member.name, "damaged", message))
            whole.crashes += 1
            whole.seconds += limits.max_seconds
            if whole.crashes > MOST_CRASHES:
                break  # the caller refuses them all
            continue
        whole.append(part)
    return whole
