"""`quarterturn worker`: a part of the service for real deployments."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from core.commands.configure import settings_with


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
    from core.store.schema import check_at_start

    logs.configure(settings, "worker")  # what Celery says before it asks for it
    check_at_start(get_engine())
    get_engine().dispose()  # no connection may cross the fork

    from workers import presence
    from workers.app import app  # reads the broker's address when imported
    from workers.capability import detect

    presence.queues = detect(settings.device).queues(asked_only=settings.asked_only)
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--concurrency",
            "1",
            "--pool",
            "prefork",
            "--loglevel",
            settings.log_level,
            "--queues",
            ",".join(presence.queues),
            "--without-gossip",
            "--without-mingle",
            "--hostname",
            f"{os.getpid()}@%h",
        ]
    )
