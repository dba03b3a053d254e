"""`quarterturn search` in a service, that of an address or one started for the command."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from quarterturn.cli.connecting import server_of
from quarterturn.data.asked import picture_options
from quarterturn.errors import QuarterturnError
from quarterturn.search.budget import parse_budget

if TYPE_CHECKING:
    from quarterturn.client.client import Client


_OF_IMAGES = ("resolution", "window", "bands", "fit")


def _body_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/jobs`, validated, so that a bad search starts nothing."""
    from quarterturn.search.spec import parse_search

    rest = {name: value for name, value in asked.items() if value is not None}
    pretraining: dict[str, Any] = {
        name: rest.pop(name) for name in ("encoder", "method", "batch_size") if name in rest
    }
    if (checkpoint := rest.pop("checkpoint", None)) is not None:
        pretraining["init"] = {"checkpoint": checkpoint}
    if (final := rest.pop("final_iterations", None)) is not None:
        rest["final_pretraining"] = {"iterations": final}
    if (space := rest.pop("space", None)) is not None:
        rest["search_space"] = space
    if (criterion := rest.pop("criterion", None)) is not None:
        rest["scoring"] = {"criterion": criterion}
    if (reference := rest.pop("reference", None)) is not None:
        rest["scoring"] = {**rest.get("scoring", {}), "reference": {"checkpoint": reference}}
    for name in _OF_IMAGES:
        rest.pop(name, None)
    body = {**rest, "budget": parse_budget(rest["budget"]), "pretraining": pretraining}
    parse_search(body)
    return body


def run_on_server(
    path: Path, asked: dict[str, Any], output: Path, server: str | None, data_dir: Path | None
) -> None:
    """Upload, wait, and write the policy and a copy of the dashboard.

    Args:
        asked: arguments of `quarterturn.Search`.
    """
    from quarterturn.client.client import Client

    # kill should stop a search as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    body = _body_of(asked)
    picture_options(asked["window"], asked["bands"], asked["fit"])
    with server_of(server, data_dir) as (url, stays), Client(url) as client:
        job = _run(client, path, body, output, {name: asked[name] for name in _OF_IMAGES})
        page = f"/v1/jobs/{job}/dashboard"
        if stays:
            typer.echo(f"           {url}{page} (live)")
        else:
            folder = f" --data-dir {data_dir}" if data_dir else ""
            typer.echo(f"           live again: quarterturn serve{folder} --port 8000, then")
            typer.echo(f"           http://127.0.0.1:8000{page}")


def _run(
    client: Client, path: Path, body: dict[str, Any], output: Path, reading: dict[str, Any]
) -> str:
    """Returns the id of the job."""
    from quarterturn.cli.page import page_of
    from quarterturn.results import display

    typer.echo(f"Reading {path} ...")
    dataset = client.upload(path, **reading)
    display.show_dataset(dataset)
    job = client.start(dataset["id"], **body)
    page = f"{client.url}/v1/jobs/{job['id']}/dashboard"
    for warning in job["warnings"]:
        typer.secho(f"warning: {warning['message']}", fg="yellow")
    typer.echo(f"Dashboard: {page}")
    try:
        with display.progress() as watch:
            last = client.wait(job["id"], watch=watch)
    except KeyboardInterrupt:
        client.cancel(job["id"])
        typer.echo("Cancelled.", err=True)
        sys.exit(130)
    if last["state"] != "completed":
        raise QuarterturnError(last["message"] or f"The job {last['state']}.", code="job_failed")
    display.show_ranking(last)
    output.write_text(json.dumps(client.policy(job["id"]), indent=2) + "\n", encoding="utf-8")
    snapshot = output.with_suffix(".dashboard.html")
    snapshot.write_text(page_of(client, job["id"], output.name), encoding="utf-8")
    typer.secho(f"Policy:    {output.resolve()}", bold=True)
    if last["encoder_ready"]:
        typer.echo(f"Encoder:   quarterturn encoder {job['id']}")
    typer.echo(f"Dashboard: {snapshot.resolve()} (a copy)")
    return str(job["id"])
