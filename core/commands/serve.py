"""`quarterturn serve`: the whole service on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from core.commands.configure import settings_with
from quarterturn.cli.options import DataDir
from quarterturn.errors import UnavailableError


def serve(
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
) -> None:
    """Run the whole service on this machine, with its own PostgreSQL and Redis.

    With QUARTERTURN_DATABASE_URL and QUARTERTURN_BROKER_URL set, those are used instead.
    Ctrl-C or kill stops it; the data stays.
    """
    from core.embedded.signals import stop_signals
    from core.embedded.stack import Stack

    settings = settings_with(data_dir=data_dir, host=host, port=port, workers=workers)
    with stop_signals() as stopped, Stack(settings) as stack:
        typer.echo(f"Quarterturn runs at {stack.url} (API: {stack.url}/docs)")
        typer.echo(f"Data and logs: {settings.data_dir}. Ctrl-C stops it.")
        while not stopped.wait(1.0):
            for name, problem in stack.failed.items():
                raise UnavailableError(f"The {name} process {problem}.", code="stack_failed")
        typer.echo("Stopping ...")
