"""Where trials run: in this process, in processes of this machine, or on somebody's executor."""

from __future__ import annotations

import concurrent.futures as futures
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from quarterturn.processes import Processes

_POLL_SECONDS = 0.05
#: Each process has a copy of torch in memory, and few searches have more trials to run at a time.
_MAX_WORKERS = 16


class Pending(Protocol):
    """A call under way: a future of the standard library, or a job of submitit."""

    def done(self) -> bool: ...

    def result(self) -> Any: ...

    def cancel(self) -> Any: ...


class Executor(Protocol):
    """All that is needed of an executor: `concurrent.futures.Executor` has it, as have those of
    loky, dask.distributed (`Client.get_executor()`) and submitit.
    """

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any: ...


class InProcess:
    """Runs each call at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Pending:
        future: futures.Future[Any] = futures.Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_workers(device: str) -> int:
    """One process per core, or this one alone where a GPU computes."""
    if device == "auto":
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    return min(_MAX_WORKERS, available_cores()) if device == "cpu" else 1


@contextmanager
def open_executor(executor: Executor | None, n_workers: int) -> Iterator[Executor]:
    """The executor given, or one of this machine, which ends with the block."""
    if executor is not None:
        yield executor
    elif n_workers == 1:
        yield InProcess()
    else:
        processes = Processes(n_workers)
        try:
            yield processes
        finally:
            processes.end()


def wait_for_any(pending: Collection[Pending]) -> list[Pending]:
    """Those that are done, at least one."""
    own = [call for call in pending if isinstance(call, futures.Future)]
    while not (done := [call for call in pending if call.done()]):
        if len(own) == len(pending):
            futures.wait(own, return_when=futures.FIRST_COMPLETED)
        else:
            time.sleep(_POLL_SECONDS)
    return done
