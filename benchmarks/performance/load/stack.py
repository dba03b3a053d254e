"""The embedded stack with workers that train nothing, and what its processes take of memory."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import psutil

from core.embedded.process import spawn
from core.embedded.stack import _WORKER_NICENESS, Stack

_PERIOD_SECONDS = 2.0


class LoadStack(Stack):
    """Starts `benchmarks.performance.load.worker` where `quarterturn worker` would be started."""

    def _launch(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        if arguments != ["worker"]:
            return super()._launch(name, arguments)
        command = [sys.executable, "-m", "benchmarks.performance.load.worker"]
        return spawn(command, self._logs / f"{name}.log", self._environment, _WORKER_NICENESS)


def _resident(folder: Path) -> dict[str, int]:
    """Resident bytes of the API and of all worker processes of a data folder."""
    found = {"api": 0, "workers": 0}
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        part = "api" if line[-2:] == ["quarterturn", "api"] else None
        part = "workers" if line[-1:] == ["benchmarks.performance.load.worker"] else part
        try:
            if part and process.environ().get("QUARTERTURN_DATA_DIR") == str(folder):
                found[part] += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


class Memory:
    """Samples of resident memory while its block runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.samples: list[dict[str, int]] = []

    def _watch(self) -> None:
        while not self._ended.wait(_PERIOD_SECONDS):
            self.samples.append(_resident(self._folder))

    def growth(self, part: str) -> float:
        """Mean of the last fifth over that of the second."""
        fifth = max(1, len(self.samples) // 5)
        values = [sample[part] for sample in self.samples]
        early, late = values[fifth : 2 * fifth] or values, values[-fifth:]
        return (sum(late) / len(late)) / (sum(early) / len(early))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended.set()
        self._thread.join()
