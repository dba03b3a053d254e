"""A process of its own for what takes long and would hold up everything else in this one."""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def _begin(prepare: Callable[[], None] | None) -> None:
    os.nice(5)  # what is made here may wait, trials and calls should not
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    """One whose parent was killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


class Aside:
    """Started by the first call, and again by the next one after it ended."""

    def __init__(self, prepare: Callable[[], None] | None = None) -> None:
        """
        Args:
            prepare: called once in the process, before anything else; a function of a module.
        """
        self._prepare = prepare
        self._lock = threading.Lock()
        self._executor: ProcessPoolExecutor | None = None

    def submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function of a module there; one at a time, in order."""
        with self._lock:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    1,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_begin,
                    initargs=(self._prepare,),
                )
                atexit.register(self.shutdown)
            return self._executor.submit(function, *args, **kwargs)

    def shutdown(self) -> None:
        """End the process."""
        with self._lock:
            if self._executor is not None:
                self._executor.shutdown(wait=False, cancel_futures=True)
                self._executor = None
                atexit.unregister(self.shutdown)
