"""`quarterturn search` in a service, that of an address or one started for the command."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterturn.cli.connecting import server_of
from quarterturn.cli.outcome import Outcome
from quarterturn.cli.showing import write
from quarterturn.cli.stopping import wait_or_stop
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
    pretraining = dict(rest.pop("pretraining", {}))
    pretraining |= {
        name: rest.pop(name) for name in ("encoder", "method", "batch_size") if name in rest
    }
    if (checkpoint := rest.pop("checkpoint", None)) is not None:
        pretraining["init"] = {"checkpoint": checkpoint}
    if (final := rest.pop("final_iterations", None)) is not None:
        rest["final_pretraining"] = {"iterations": final}
    if (space := rest.pop("space", None)) is not None:
        rest["search_space"] = space
    if (criterion := rest.pop("criterion", None)) is not None:
        rest["scoring"] = {**rest.get("scoring", {}), "criterion": criterion}
    if (reference := rest.pop("reference", None)) is not None:
        rest["scoring"] = {**rest.get("scoring", {}), "reference": {"checkpoint": reference}}
    if isinstance(budget := rest.pop("budget", {}), list):
        budget = parse_budget(budget)
    for name in _OF_IMAGES:
        rest.pop(name, None)
    body = {**rest, "budget": budget, "pretraining": pretraining}
    parse_search({name: value for name, value in body.items() if name != "name"})
    return body


def run_on_server(
    path: Path, asked: dict[str, Any], outcome: Outcome, server: str | None, data_dir: Path | None
) -> None:
    """Upload, wait, and write the policy and a copy of the dashboard.

    Args:
        asked: arguments of `quarterturn.Search`, and `name` and `worker`.
    """
    from quarterturn.client.client import Client

    # kill should stop a search as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    body = _body_of(asked)
    picture_options(asked["window"], asked["bands"], asked["fit"])
    with outcome.shown(), server_of(server, data_dir) as (url, stays), Client(url) as client:
        job = _run(client, path, body, outcome, {name: asked[name] for name in _OF_IMAGES}, stays)
        page = f"/v1/jobs/{job}/dashboard"
        if stays:
            outcome.say(f"           {url}{page} (live)")
        else:
            folder = f" --data-dir {data_dir}" if data_dir else ""
            outcome.say(f"           live again: quarterturn serve{folder} --port 8000, then")
            outcome.say(f"           http://127.0.0.1:8000{page}")


def _run(
    client: Client,
    path: Path,
    body: dict[str, Any],
    outcome: Outcome,
    reading: dict[str, Any],
    stays: bool,
) -> str:
    """Returns the id of the job."""
    from quarterturn.results import display

    outcome.say(f"Reading {path} ...")
    dataset = client.upload(path, **reading)
    display.show_dataset(dataset)
    job = client.start(dataset["id"], **body)
    for warning in job["warnings"]:
        outcome.say(f"warning: {warning['message']}", fg="yellow")
    outcome.say(f"Dashboard: {client.url}/v1/jobs/{job['id']}/dashboard")
    last = wait_or_stop(client, job["id"], outcome, stays)
    if last["state"] != "completed":
        raise QuarterturnError(last["message"] or f"The job {last['state']}.", code="job_failed")
    display.show_ranking(last)
    if last["reason"] == "stopped":
        outcome.say("Stopped early: the best so far, of the trials that had completed.")
    _hand_out(client, job["id"], last, dataset, outcome)
    return str(job["id"])


def _hand_out(
    client: Client, job: str, last: dict[str, Any], dataset: dict[str, Any], outcome: Outcome
) -> None:
    """Write the policy, its card and a copy of the dashboard, and say where they lie."""
    from quarterturn.cli.page import page_of

    files = {}
    if (beside := outcome.beside) is not None:
        card, page = beside.with_suffix(".card.md"), beside.with_suffix(".dashboard.html")
        files = {"policy": beside, "card": card, "dashboard": page}
        write(card, client.card(job).encode())
        write(page, page_of(client, job, beside.name).encode())
    named = {name: str(file.resolve()) for name, file in files.items()}
    document = {**last, "job_id": job, "images": dataset, "files": named}
    outcome.hand_out(client.policy(job), document)
    for name, file in named.items():
        copy = " (a copy)" if name == "dashboard" else ""
        outcome.say(f"{name.capitalize() + ':':<10} {file}{copy}", bold=name == "policy")
    if last["encoder_ready"]:
        outcome.say(f"Encoder:   quarterturn encoder {job}")
