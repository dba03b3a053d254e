"""`quarterturn serve`, and its parts for real deployments: `api`, `worker`, `migrate`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from core.errors import UnavailableError
from core.settings import Settings, get_settings
from quarterturn.cli.options import DataDir


def settings_with(**changes: object) -> Settings:
    """The settings, with what was given on the command line; None leaves them as they are."""
    given = {name: value for name, value in changes.items() if value is not None}
    for name, value in given.items():
        os.environ[f"QUARTERTURN_{name.upper()}"] = str(value)
    get_settings.cache_clear()
    return get_settings()


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


def api() -> None:
    """Run the REST API alone; needs a database and a broker."""
    import uvicorn

    from core import logs
    from core.access.binding import require_keys
    from core.store.database import get_engine
    from core.store.schema import check

    settings = get_settings()
    logs.configure(settings, "api")
    check(get_engine())
    require_keys(settings.host, get_engine())
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,  # core.logs has one
        access_log=False,  # api.requests writes it
        timeout_graceful_shutdown=5,
    )


def worker(
    threads: Annotated[int | None, typer.Option(min=0, help="Torch threads; 0: automatic.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:1.")] = None,
    asked_only: Annotated[
        bool | None,
        typer.Option("--asked-only", help="Leave jobs that ask for no kind of worker to others."),
    ] = None,
) -> None:
    """Run one worker, for one GPU or a CPU; needs a database and a broker.

    It takes trials of jobs that ask for what it has: CUDA, memory of the GPU, or a CPU.
    """
    settings = settings_with(worker_threads=threads, device=device, asked_only=asked_only)
    # Celery's SIGTERM waits for the running trial, which may take hours. With this it gives the
    # trial a moment, then ends the process, which hands its trial back (workers.trial).
    os.environ["REMAP_SIGTERM"] = "SIGQUIT"

    from core import logs
    from core.store.database import get_engine
    from core.store.schema import check

    logs.configure(settings, "worker")  # what Celery says before it asks for it
    check(get_engine())
    get_engine().dispose()  # no connection may cross the fork

    from workers import presence
    from workers.app import app  # reads the broker's address when imported
    from workers.capability import detect

    presence.queues = detect(settings.device).queues(asked_only=settings.asked_only)
    app.worker_main(
        ["--quiet", "worker", "--concurrency", "1", "--pool", "prefork",
         "--loglevel", settings.log_level, "--queues", ",".join(presence.queues),
         "--without-gossip", "--without-mingle", "--hostname", f"{os.getpid()}@%h"]
    )  # fmt: skip


def migrate() -> None:
    """Bring the database to the schema of this release."""
    from core.store.database import get_engine
    from core.store.schema import migrate as run

    run(get_engine())
    typer.echo("The database is up to date.")
