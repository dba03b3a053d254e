"""The service as processes that share nothing but database, broker and storage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from core.embedded.process import end, spawn
from tests.conftest import FAST
from tests.service.waiting import until


class Nodes:
    """Processes of the service, each with a data folder of its own.

    Args:
        at: entered where a node is started or talked to, such as a network namespace.
    """

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        at: Callable[[str], AbstractContextManager[object]] = lambda _: nullcontext(),
    ) -> None:
        self._folder, self._environment, self._at = folder, {**FAST, **environment}, at
        self._exit = ExitStack()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def data_dir(self, name: str) -> Path:
        return self._folder / name

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def run(self, name: str, *command: str) -> str:
        """What a command of `quarterturn` prints on a node."""
        with self._at(name):
            done = subprocess.run(
                [sys.executable, "-m", "quarterturn", *command],
                env=self._all(name, {}),
                capture_output=True,
                text=True,
                check=True,
            )
        return done.stdout

    def _all(self, name: str, more: dict[str, str]) -> dict[str, str]:
        import os

        data = {"QUARTERTURN_DATA_DIR": str(self.data_dir(name))}
        return {**os.environ, **self._environment, **data, **more}

    def start(self, name: str, *command: str, **environment: str) -> None:
        """Run a command of `quarterturn` on a node until the end."""
        with self._at(name):
            process = spawn(
                [sys.executable, "-m", "quarterturn", *command],
                self._folder / f"{name}.log",
                self._all(name, environment),
            )
        self._exit.callback(end, process, 5.0)
        self.processes[name] = process

    def until_ready(self, http: httpx.Client, workers: int = 1) -> None:
        """Until the API answers and has seen so many workers."""

        def ready() -> bool:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} has ended: {self.log(name)}"
            try:
                return f"quarterturn_workers {workers:.1f}" in http.get("/metrics").text
            except httpx.TransportError:
                return False

        until(ready, 90)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()
