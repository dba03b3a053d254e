"""`quarterturn search`: from a folder or an archive to a policy file."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quarterturn.cli.connecting import Server, server_of
from quarterturn.cli.options import DataDir, name_or_document, parse_budget
from quarterturn.errors import InvalidInputError, QuarterturnError

if TYPE_CHECKING:
    from quarterturn.client.client import Client


def _request(space: str | None, strategy: str, budget: list[str], **rest: Any) -> dict[str, Any]:
    pretraining = {
        name: rest.pop(name) for name in ("encoder", "method", "batch_size") if name in rest
    }
    body: dict[str, Any] = {
        "strategy": name_or_document(strategy, "strategy"),
        "budget": parse_budget(budget),
        "pretraining": {name: value for name, value in pretraining.items() if value is not None},
    }
    if (checkpoint := rest.pop("checkpoint")) is not None:
        body["pretraining"]["init"] = {"checkpoint": checkpoint}
    if (final := rest.pop("final_iterations")) is not None:
        body["final_pretraining"] = {"iterations": final}
    if space is not None:
        body["search_space"] = name_or_document(space, "search space")
    return {**body, **{name: value for name, value in rest.items() if value is not None}}


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """Refuse a bad search before anything is started."""
    from quarterturn.search.spec import parse_search

    parse_search(body)
    return body


def _check_output(output: Path) -> None:
    """Refuse an output that cannot be written before the search, not after it."""
    folder = output.resolve().parent
    if not folder.is_dir():
        raise InvalidInputError(f"The folder of {output} does not exist.", code="path_not_found")
    writable = os.access(output, os.W_OK) if output.exists() else os.access(folder, os.W_OK)
    if output.is_dir() or not writable:
        raise InvalidInputError(
            f"{output} cannot be written; choose another file with --output.",
            code="output_not_writable",
        )


def search(
    path: Annotated[Path, typer.Argument(help="A folder of images, or a .zip, .tar or .tar.gz.")],
    space: Annotated[
        str | None,
        typer.Option(help="Preset name, JSON, or a JSON file; by default what the strategy needs."),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="pipeline, successive_halving, density_matching ..., or JSON.")
    ] = "pipeline",
    budget: Annotated[
        list[str] | None,
        typer.Option(help="150s, 10m, 2h, trials=40, iterations=5000; may be repeated."),
    ] = None,
    output: Annotated[Path, typer.Option(help="Where to write the policy.")] = Path("policy.json"),
    server: Server = None,
    data_dir: DataDir = None,
    iterations: Annotated[int | None, typer.Option(help="Longest pretraining, in steps.")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Repetitions at full length; a pipeline has its own.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    encoder: Annotated[str | None, typer.Option(help="conv4, resnet_small, resnet18 ...")] = None,
    method: Annotated[str | None, typer.Option(help="simclr or moco_v2.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Working resolution in pixels.")] = None,
    checkpoint: Annotated[
        str | None, typer.Option(help="Start from these weights; see `quarterturn checkpoints`.")
    ] = None,
    final_iterations: Annotated[
        int | None,
        typer.Option(help="Then pretrain an encoder with the policy; see `quarterturn encoder`."),
    ] = None,
) -> None:
    """Choose an augmentation policy for a folder or an archive of images, without labels."""
    from quarterturn.client.client import Client

    # kill should stop a search as cleanly as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not (path.is_file() or path.is_dir()):
        raise InvalidInputError(
            f"There is no file or folder at {path}. Give a folder of images or an archive.",
            code="path_not_found",
        )
    _check_output(output)
    body = _checked(
        _request(
            space, strategy, budget or [], iterations=iterations, seeds=seeds, seed=seed,
            encoder=encoder, method=method, batch_size=batch_size, checkpoint=checkpoint,
            final_iterations=final_iterations,
        )
    )  # fmt: skip
    with server_of(server, data_dir) as (url, stays), Client(url) as client:
        job = _run(client, path, body, output, resolution)
        page = f"/v1/jobs/{job}/dashboard"
        if stays:
            typer.echo(f"           {url}{page} (live)")
        else:
            folder = f" --data-dir {data_dir}" if data_dir else ""
            typer.echo(f"           live again: quarterturn serve{folder} --port 8000, then")
            typer.echo(f"           http://127.0.0.1:8000{page}")


def _run(
    client: Client, path: Path, body: dict[str, Any], output: Path, resolution: int | None
) -> str:
    """Returns the id of the job."""
    from quarterturn.cli.page import page_of
    from quarterturn.results import display

    typer.echo(f"Reading {path} ...")
    dataset = client.upload(path, resolution=resolution)
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
