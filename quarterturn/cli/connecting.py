"""Which server a command talks to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quarterturn.cli.serve import settings_with

if TYPE_CHECKING:
    from quarterturn.client import Client

Server = Annotated[
    str | None,
    typer.Option(help="URL of a running server [default: that of the data folder].",
                 show_default=False),
]  # fmt: skip


@contextmanager
def server_of(url: str | None, data_dir: Path | None) -> Iterator[tuple[str, bool]]:
    """The given server, the one that runs on the data folder, or one started for this command;
    and whether it outlives the command.
    """
    if url:
        yield url, True
        return
    from core.embedded.stack import running_or_started

    started = "Starting PostgreSQL, Redis, a worker and the API ..."
    settings = settings_with(data_dir=data_dir)
    with running_or_started(settings, lambda: typer.echo(started, err=True)) as service:
        yield service


@contextmanager
def connected(url: str | None, data_dir: Path | None) -> Iterator[Client]:
    """A client of that server."""
    from quarterturn.client import Client

    with server_of(url, data_dir) as (address, _), Client(address) as client:
        yield client
