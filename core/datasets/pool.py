"""The child processes that decode images: a file that crashes a decoder harms nobody else."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from core.datasets.decode import DecodeLimits, decode_batch

DecodedBatch = tuple[list[str], bytes, bytes, list[tuple[str, str, str]]]

_lock = threading.Lock()
_executor: ProcessPoolExecutor | None = None


def _pool(processes: int) -> ProcessPoolExecutor:
    global _executor
    with _lock:
        if _executor is None:
            # Spawned, not forked: the service has threads, and a fork would inherit their locks.
            _executor = ProcessPoolExecutor(
                processes or os.cpu_count() or 1,
                mp_context=multiprocessing.get_context("spawn"),
            )
            atexit.register(shutdown)
        return _executor


def shutdown() -> None:
    """End the child processes; the next batch starts new ones."""
    global _executor
    with _lock:
        if _executor is not None:
            _executor.shutdown(wait=False, cancel_futures=True)
            _executor = None


def submit(
    batch: list[tuple[str, bytes]], resolution: int, limits: DecodeLimits, processes: int
) -> Future[DecodedBatch]:
    """Decode a batch in a child process."""
    return _pool(processes).submit(decode_batch, batch, resolution, limits)


def result(
    future: Future[DecodedBatch],
    batch: list[tuple[str, bytes]],
    resolution: int,
    limits: DecodeLimits,
    processes: int,
) -> DecodedBatch:
    """The decoded batch; if a file crashed the decoder, the others are decoded one by one."""
    try:
        return future.result()
    except BrokenProcessPool:
        shutdown()
    names: list[str] = []
    pixels: list[bytes] = []
    digests: list[bytes] = []
    skipped: list[tuple[str, str, str]] = []
    for item in batch:
        try:
            part = submit([item], resolution, limits, processes).result()
        except BrokenProcessPool:
            shutdown()
            skipped.append((item[0], "damaged", "crashes the decoder"))
            continue
        names += part[0]
        pixels.append(part[1])
        digests.append(part[2])
        skipped += part[3]
    return names, b"".join(pixels), b"".join(digests), skipped
