"""Child processes that end with their parent, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_AUTOGROUP = Path("/proc/self/autogroup")
#: Without privileges it may be written ten times a second, by all processes together.
_TRIES, _BETWEEN_SECONDS = 5, 0.12


def _begin(niceness: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.nice(niceness)
    if niceness:
        _step_back_as_session(niceness)


def _step_back_as_session(niceness: int) -> None:
    """Where Linux shares the processor between sessions (autogroup), the niceness of a process
    counts within its session only, and each of ours has its own.
    """
    for _ in range(_TRIES):
        try:
            _AUTOGROUP.write_text(str(niceness))
        except BlockingIOError:
            time.sleep(_BETWEEN_SECONDS)
        except OSError:
            return
        else:
            return


def spawn(
    command: list[str], log: Path, environment: dict[str, str], niceness: int = 0
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that Ctrl-C reaches only the parent.

    Its output goes to `log`. On Linux it is terminated if the parent thread dies, even by kill -9.

    Args:
        niceness: how far it steps back where others need the processor too.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=lambda: _begin(niceness),
        )


def end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Terminate a process and its children; kill them after `patience` seconds."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    # The whole session: a killed worker must not leave its children behind.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
