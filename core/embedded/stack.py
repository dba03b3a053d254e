"""The whole stack on one machine, started and stopped as one."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from core.access.binding import require_keys
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.process import end, spawn
from core.embedded.redis import EmbeddedRedis
from core.private import make_private
from core.settings import Settings
from core.store.database import engine_for
from core.store.schema import migrate
from quarterturn.errors import ConflictError, UnavailableError

logger = logging.getLogger(__name__)

_WORKER_NICENESS = 5
_READY_SECONDS = 180.0
_WORKER_PATIENCE = 15.0
_SUPERVISION_SECONDS = 1.0
_MOST_REVIVALS = 20  # in a row


def _running(data_dir: Path, part: str) -> str | None:
    try:
        with (data_dir / "serve.lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return str(json.loads((data_dir / "serve.json").read_text())[part])
    except (OSError, ValueError, KeyError):
        pass
    return None


def running_url(data_dir: Path) -> str | None:
    """The address of the stack that runs on a data folder, if one does."""
    return _running(data_dir, "url")


def running_database(data_dir: Path) -> str | None:
    """The database of the stack that runs on a data folder, if one does."""
    return _running(data_dir.expanduser(), "database")


@contextmanager
def data_dir_lock(data_dir: Path) -> Iterator[None]:
    """The data folder for this process alone, while the block runs.

    Raises:
        ConflictError: `data_dir_in_use`.
    """
    with (data_dir / "serve.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConflictError(
                f"A stack is already running on {data_dir} ({running_url(data_dir)}). "
                "Use it with --server, or choose another folder with --data-dir.",
                code="data_dir_in_use",
            ) from None
        yield


@contextmanager
def running_or_started(
    settings: Settings, starting: Callable[[], None] = lambda: None
) -> Iterator[tuple[str, bool]]:
    """The address of the stack that runs on the data folder, or of one of its own, on a free port,
    for the length of the block; and whether it outlives the block.

    Args:
        starting: called before one is started, which takes seconds.
    """
    settings = settings.model_copy(update={"data_dir": settings.data_dir.expanduser(), "port": 0})
    if running := running_url(settings.data_dir):
        yield running, True
        return
    starting()
    with Stack(settings) as stack:
        yield stack.url, False


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Stack:
    """`with Stack(settings) as stack:` runs everything; `stack.url` is the API's address.

    A process or a database that ends is started again; `failed` says which ends for good.

    Attributes:
        most_restarts: of a process within a minute.
    """

    most_restarts = 5

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.data_dir = settings.data_dir.expanduser().resolve()
        self._logs = self.data_dir / "logs"
        self._exit = ExitStack()
        self._environment: dict[str, str] = {}
        self._children: dict[str, tuple[list[str], subprocess.Popen[bytes]]] = {}
        self._restarts: dict[str, list[float]] = {}
        self._revivals: dict[str, Callable[[], None]] = {}
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self.failed: dict[str, str] = {}
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._exit.close()
            raise
        return self

    def _start(self) -> None:
        settings = self._settings
        make_private(self.data_dir)
        self._exit.enter_context(data_dir_lock(self.data_dir))
        (self.data_dir / "serve.json").unlink(missing_ok=True)  # of a stack that was killed
        database, broker = settings.database_url, settings.broker_url
        if database is None:
            postgres = self._exit.enter_context(EmbeddedPostgres(self.data_dir / "postgres"))
            self._revivals["postgres"] = postgres.revive
            database = postgres.url
        if broker is None:
            redis = EmbeddedRedis(self.data_dir / "redis", self._logs / "redis.log")
            broker = self._exit.enter_context(redis).url
            self._revivals["redis"] = redis.revive
        migrate(engine_for(database))
        require_keys(settings.host, engine_for(database))
        port = settings.port or _free_port(settings.host)
        self.url = f"http://{settings.host}:{port}"
        # Of this moment: what is started again later shall have the same settings.
        self._environment = {
            **os.environ,
            "QUARTERTURN_DATABASE_URL": database,
            "QUARTERTURN_BROKER_URL": broker,
            "QUARTERTURN_DATA_DIR": str(self.data_dir),
            "QUARTERTURN_HOST": settings.host,
            "QUARTERTURN_PORT": str(port),
            "QUARTERTURN_WORKERS": str(settings.workers),
        }
        self._check_port(settings.host, port)
        for number in range(settings.workers):
            self._spawn(f"worker-{number + 1}", ["worker"], _WORKER_PATIENCE)
        self._spawn("api", ["api"], 10.0)
        self._wait_until_ready()
        self._supervisor.start()
        self._exit.callback(self._stop_supervision)
        self._write_address(database)

    def _write_address(self, database: str) -> None:
        running = {"url": self.url, "pid": os.getpid(), "database": database}
        path = self.data_dir / "serve.json"
        path.touch(0o600)  # a database that is not the embedded one has its password in the URL
        path.write_text(json.dumps(running))

    @staticmethod
    def _check_port(host: str, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                raise ConflictError(
                    f"Port {port} of {host} is in use. Choose another with --port, or 0 for any.",
                    code="port_in_use",
                ) from None

    def _spawn(self, name: str, arguments: list[str], patience: float) -> None:
        self._children[name] = (arguments, self._launch(name, arguments))
        self._exit.callback(lambda: end(self._children[name][1], patience))

    def _launch(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "quarterturn", *arguments]
        # Trials take all cores there are; pages and calls need little, but soon.
        niceness = _WORKER_NICENESS if arguments == ["worker"] else 0
        return spawn(command, self._logs / f"{name}.log", self._environment, niceness)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(
                    f"{self.url}/readyz?workers=true", timeout=5, trust_env=False
                ).is_success:
                    return
            except httpx.HTTPError:
                pass
            for name, (_, process) in self._children.items():
                if process.poll() is not None:
                    raise UnavailableError(
                        f"The {name} process ended; see {self._logs / name}.log.",
                        code="stack_failed",
                    )
            time.sleep(0.1)
        raise UnavailableError(
            f"The stack was not ready within {_READY_SECONDS:g} s; see {self._logs}.",
            code="stack_failed",
        )

    def _stop_supervision(self) -> None:
        self._stopping.set()
        self._supervisor.join()

    def _revive_databases(self, failures: Counter[str]) -> None:
        """Start databases again that ended; what a killed one left behind may need a moment."""
        for name, revive in self._revivals.items():
            try:
                revive()
                failures[name] = 0
            except Exception as error:
                failures[name] += 1
                logger.warning("%s ended and did not start again: %s", name, error)
                if failures[name] >= _MOST_REVIVALS:
                    self.failed[name] = f"ended and cannot be started again: {error}"

    def _supervise(self) -> None:
        """Restart what ends, until the stack stops; gives up on what ends again and again."""
        failures: Counter[str] = Counter()
        while not self._stopping.wait(_SUPERVISION_SECONDS):
            self._revive_databases(failures)
            for name, (arguments, process) in list(self._children.items()):
                if process.poll() is None or name in self.failed:
                    continue
                now = time.monotonic()
                recent = [at for at in self._restarts.get(name, []) if now - at < 60]
                if len(recent) >= self.most_restarts:
                    self.failed[name] = f"ends again and again; see {self._logs / name}.log"
                    continue
                self._restarts[name] = [*recent, now]
                end(process, 0.0)  # and whatever it left behind
                self._children[name] = (arguments, self._launch(name, arguments))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        (self.data_dir / "serve.json").unlink(missing_ok=True)
        self._exit.close()
