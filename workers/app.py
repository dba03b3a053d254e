"""The Celery application of the workers: `celery -A workers.app worker --concurrency 1`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from core import logs
from core.queue import RUN_TRIAL, celery_options
from core.settings import get_settings
from workers import presence

app = Celery("quarterturn-worker")
app.conf.update(celery_options(get_settings()))


@app.task(name=RUN_TRIAL)
def run_trial(trial_id: str) -> None:
    """Run one trial, if it is still to be had."""
    # Imported here, in the child: torch must not be touched before the fork.
    from workers.trial import run

    run(trial_id)


@setup_logging.connect
def _logging(**_: Any) -> None:
    logs.configure(get_settings(), "worker")


@worker_process_init.connect
def _start(**_: Any) -> None:
    presence.start()


@worker_process_shutdown.connect
def _end(**_: Any) -> None:
    presence.stop()
