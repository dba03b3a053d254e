"""Ctrl-C while a service searches: first the best so far, then the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from quarterturn.cli.outcome import INTERRUPTED, Outcome
from quarterturn.errors import QuarterturnError

if TYPE_CHECKING:
    from quarterturn.client.client import Client


def wait_or_stop(client: Client, job: str, outcome: Outcome, stays: bool) -> dict[str, Any]:
    """Wait for a job; Ctrl-C stops it, and its policy is then that of the trials that completed.

    Args:
        stays: whether the server outlives this command.

    Raises:
        typer.Exit: it was ended by a second Ctrl-C, or had no result when it was stopped.
    """
    from quarterturn.results import display

    asked = False
    try:
        with display.progress() as watch:
            return client.wait(job, watch=watch)
    except KeyboardInterrupt:
        pass
    try:
        _stop(client, job)
        asked = True
        outcome.say("Stopping: trials that run are finished. Ctrl-C again ends at once.")
        return _stopped(client, job, outcome)
    except KeyboardInterrupt:
        outcome.say(_left(job, asked, stays))
        raise typer.Exit(INTERRUPTED) from None


def _left(job: str, asked: bool, stays: bool) -> str:
    """What becomes of a job that nobody waits for."""
    doing = "stopping" if asked else "running"
    if not stays:
        return f"The job {job} is left {doing}; it goes on when the service runs again."
    then = "policy" if asked else "stop"
    return f"The job {job} is left {doing} on the server: quarterturn jobs {then} {job}"


def _stop(client: Client, job: str) -> None:
    try:
        client.stop(job)
    except QuarterturnError as error:
        if error.code != "job_finished":
            raise


def _stopped(client: Client, job: str, outcome: Outcome) -> dict[str, Any]:
    last = client.wait(job)
    if last["state"] != "completed":
        outcome.say(last["message"] or f"The job {job} has {last['state']}.")
        raise typer.Exit(INTERRUPTED)
    return last
