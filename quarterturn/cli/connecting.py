"""Which server a command talks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quarterturn.service import embedded_service

if TYPE_CHECKING:
    from quarterturn.client.client import Client

Server = Annotated[
    str | None,
    typer.Option(
        help="URL of a running server [default: that of the data folder].", show_default=False
    ),
]


@contextmanager
def server_of(url: str | None, data_dir: Path | None) -> Iterator[tuple[str, bool]]:
    """The given server, the one that runs on the data folder, or one started for this command;
    and whether it outlives the command.
    """
    if url:
        yield url, True
        return
    started = "Starting PostgreSQL, Redis, a worker and the API ..."
    with embedded_service(data_dir, lambda: typer.echo(started, err=True)) as service:
        yield service


@contextmanager
def connected(url: str | None, data_dir: Path | None) -> Iterator[Client]:
    """A client of that server."""
    from quarterturn.client.client import Client

    with server_of(url, data_dir) as (address, _), Client(address) as client:
        yield client
