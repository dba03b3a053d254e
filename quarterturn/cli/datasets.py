"""`quarterturn datasets`, `quarterturn spaces`, `quarterturn estimate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.cli.connecting import Server, connected
from quarterturn.cli.options import DataDir, name_or_document
from quarterturn.cli.showing import AsJson, deleted, show

datasets_commands = typer.Typer(help="Images in a service.", no_args_is_help=True)
DatasetId = Annotated[str, typer.Argument(help="The id, as `datasets list` shows it.")]


@datasets_commands.callback()
def _datasets() -> None:
    """Images in a service."""


def _line(dataset: dict[str, Any]) -> str:
    side = dataset["resolution"]
    return f"{dataset['id']}  {dataset['images']} images  {side} pixels  {dataset['name']}"


@datasets_commands.command("list")
def list_datasets(as_json: AsJson = False, server: Server = None, data_dir: DataDir = None) -> None:
    """List datasets, the newest first."""
    with connected(server, data_dir) as client:
        show(client.datasets(), as_json, _line)


@datasets_commands.command()
def upload(
    path: Annotated[Path, typer.Argument(help="A folder of images, or a .zip, .tar or .tar.gz.")],
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Working resolution in pixels.")] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Upload images."""
    with connected(server, data_dir) as client:
        show(client.upload(path, name=name, resolution=resolution), as_json, _line)


@datasets_commands.command("show")
def show_dataset(
    dataset_id: DatasetId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Show a dataset, with what was left out."""
    with connected(server, data_dir) as client:
        dataset = client.dataset(dataset_id)
    show(dataset, as_json, _line)
    if not as_json:
        for reason, count in dataset["skipped_reasons"].items():
            typer.echo(f"left out: {count} {reason}")


@datasets_commands.command()
def delete(
    dataset_id: DatasetId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Delete a dataset; jobs and policies made from it remain."""
    with connected(server, data_dir) as client:
        client.delete_dataset(dataset_id)
    deleted(dataset_id, as_json)


def spaces(as_json: AsJson = False) -> None:
    """List the search spaces that have names."""
    from quarterturn.space import PRESETS, parse_space

    found = [
        {"name": name, "space": parse_space(name).model_dump(mode="json", exclude_none=True)}
        for name in PRESETS
    ]
    show(found, as_json, lambda one: f"{one['name']}  {one['space']['kind']}")


def estimate(
    space: Annotated[
        str | None, typer.Option(help="Preset name, JSON, or a JSON file.", show_default=False)
    ] = None,
    strategy: Annotated[
        str | None, typer.Option(help="Name, JSON, or a JSON file.", show_default=False)
    ] = None,
    job_file: Annotated[
        Path | None, typer.Option(help="A file of a search; JSON or YAML.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Say what a search would cost, without starting it."""
    from quarterturn.cli.job_file import read_job_file

    body = read_job_file(job_file) if job_file else {}
    body.pop("dataset_id", None)
    if space is not None:
        body["search_space"] = name_or_document(space, "search space")
    if strategy is not None:
        body["strategy"] = name_or_document(strategy, "strategy")
    with connected(server, data_dir) as client:
        found = client.estimate(**body)
    show(found, as_json, _cost)


def _cost(found: dict[str, Any]) -> str:
    cost = {"candidates": found["candidates"], **found["estimate"]}
    plain = {name: value for name, value in cost.items() if not isinstance(value, dict | list)}
    return "\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in plain.items())
