"""Worker processes of this machine.

Not those of `multiprocessing`: they import the user's script again, which then needs a guard, one
that is killed takes the calls of all others with it, and they outlive a parent that is killed.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from typing import IO, Any, BinaryIO, cast

_Call = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class WorkerDiedError(BrokenExecutor):
    """The process of a call ended before it answered."""


class Processes:
    """`count` processes, each of which takes one call at a time; with the `submit` of an executor.

    They see no Ctrl-C, and end when their parent does, however it ends.
    """

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._current: dict[int, Future[Any]] = {}
        self._guard = threading.Lock()
        self._ended = False
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.put((future, function, args))
        return future

    def give_up(self, future: Future[Any]) -> None:
        """Let go of a call: one that waits is not begun, one that runs loses its process."""
        if future.cancel():
            return
        with self._guard:
            for number, current in self._current.items():
                if current is future:
                    self._processes[number].kill()
                    self._processes[number].wait()  # the next call must not meet it

    def end(self) -> None:
        """End the processes, whatever they are doing."""
        self._ended = True
        for _ in self._threads:
            self._calls.put(None)
        for process in list(self._processes.values()):
            process.kill()
        for thread in self._threads:
            thread.join()

    def _serve(self, number: int) -> None:
        """Pass calls to a process, which is started at the first and again after it died."""
        while (call := self._calls.get()) is not None:
            future, *what = call
            process = self._processes.get(number)
            if process is None or process.poll() is not None:
                process = self._processes[number] = _start()
            with self._guard:
                if not future.set_running_or_notify_cancel():
                    continue
                self._current[number] = future
            try:
                pickle.dump(what, cast(BinaryIO, process.stdin))
                cast(IO[bytes], process.stdin).flush()
                succeeded, answer = pickle.load(cast(BinaryIO, process.stdout))
            except (OSError, EOFError, pickle.UnpicklingError):
                process.kill()
                succeeded, answer = False, WorkerDiedError(f"exit code {process.wait()}")
            except Exception as error:  # the call cannot be pickled
                succeeded, answer = False, error
            with self._guard:  # from here on, to give the call up ends nothing
                del self._current[number]
            (future.set_result if succeeded else future.set_exception)(answer)
        if (process := self._processes.pop(number, None)) is not None:
            process.kill()
            process.wait()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "quarterturn.processes.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        start_new_session=True,
    )
