"""`quarterturn policy`"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.cli.showing import STDOUT, AsJson, write

policy_commands = typer.Typer(
    help="Read, show, compare and export policy files.", no_args_is_help=True
)


PolicyFile = Annotated[Path, typer.Argument(help="A policy file.")]


@policy_commands.callback()
def _policy() -> None:
    """Read, show, compare and export policy files."""


def _chosen(selection: dict[str, Any]) -> Iterator[str]:
    """How a policy was chosen, as sentences."""
    from quarterturn.results.wording import name_criterion, score_text

    criterion = selection.get("criterion", "rotation")
    what = name_criterion(criterion)
    if selection.get("score") is not None:
        score = score_text(selection["score"], selection["standard_error"], criterion)
        seeds = selection["seeds"]
        yield f"{what} {score} over {seeds} seed{'' if seeds == 1 else 's'}"
    if selection.get("measured_on"):
        yield f"measured on {selection['measured_on']}"
    if selection.get("rank") is not None:
        yield f"rank {selection['rank']} of {selection['candidates']}"
    if selection.get("tied_with"):
        yield f"not distinguishable from: {', '.join(selection['tied_with'])}"
    if selection.get("evidence"):
        yield f"evidence: {selection['evidence']['level']}"


@policy_commands.command()
def show(path: PolicyFile, as_json: AsJson = False) -> None:
    """Show what a policy does, in words, and how it was chosen."""
    from quarterturn.policy import policy_warnings, read_policy
    from quarterturn.policy.words import describe

    policy = read_policy(path)
    if as_json:
        lines = describe(policy)
        typer.echo(json.dumps({**policy.to_document(), "words": lines}, indent=2))
        return
    typer.secho(policy.name, bold=True)
    for line in describe(policy):
        typer.echo(line)
    selection = policy.selection or {}
    for line in _chosen(selection):
        typer.echo(line)
    for warning in selection.get("warnings", policy_warnings(policy)):
        typer.secho(f"warning: {warning['message']}", fg="yellow")


@policy_commands.command()
def export(
    path: PolicyFile,
    format: Annotated[
        str,
        typer.Option(
            help="torchvision, albumentations, kornia, lightly, timm, lightly-train, solo-learn, "
            "stable-pretraining, huggingface or json."
        ),
    ] = "torchvision",
    output: Annotated[
        Path | None, typer.Option(help="The file [default: named after the format].")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=8, max=4096, help="Side of the squares that views return, in pixels."),
    ] = None,
    view: Annotated[int, typer.Option(min=0, max=1, help="Which view, for lightly-train.")] = 0,
) -> None:
    """Write a policy in the form of another library."""
    from quarterturn.export import Options
    from quarterturn.export import export as make
    from quarterturn.policy import read_policy

    made = make(read_policy(path), format, Options(size=size, view=view))
    target = output or Path(made.filename)
    write(target, made.text.encode())
    typer.echo(f"wrote {target}", err=target == STDOUT)
    for item in made.differences:
        typer.secho(f"difference: {item.operation}: {item.message}", fg="yellow", err=True)


@policy_commands.command()
def preview(
    path: PolicyFile,
    images: Annotated[list[Path], typer.Argument(help="Images, folders or archives of them.")],
    output: Annotated[Path, typer.Option(help="The PNG file.")] = Path("preview.png"),
    count: Annotated[int, typer.Option(min=1, max=100, help="How many images.")] = 6,
    draws: Annotated[int, typer.Option(min=1, max=40, help="How many views of each.")] = 5,
    resolution: Annotated[
        int | None,
        typer.Option(
            min=16,
            max=512,
            help="Pixels at which the policy is applied [default: those of its search, or 64].",
        ),
    ] = None,
    cell: Annotated[int, typer.Option(min=16, max=512, help="Pixels of each picture shown.")] = 96,
    seed: Annotated[int, typer.Option(help="The same seed draws the same.")] = 0,
) -> None:
    """Show images under a policy: a contact sheet, the original beside several views."""
    import io

    from quarterturn.policy import read_policy
    from quarterturn.preview.pictures import read_images
    from quarterturn.results.selected import searched_resolution

    policy = read_policy(path)
    resolution = resolution or searched_resolution(policy.selection)
    pictures = read_images(images, count, policy.input)
    from quarterturn.preview.sheet import contact_sheet  # torch takes seconds: after the checks

    sheet = contact_sheet(
        pictures, policy, draws=draws, resolution=resolution, cell=cell, seed=seed
    )
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    write(output, encoded.getvalue())
    typer.echo(f"wrote {output}: {len(pictures)} images, {draws} views each", err=output == STDOUT)


@policy_commands.command()
def diff(first: PolicyFile, second: PolicyFile, as_json: AsJson = False) -> None:
    """Say in words what changes from one policy to another. Exit code 1 if they differ."""
    from quarterturn.policy import read_policy
    from quarterturn.policy.diff import compare

    one, other = read_policy(first), read_policy(second)
    lines = list(compare(one, other))
    if as_json:
        typer.echo(json.dumps({"same": one.digest == other.digest, "changes": lines}, indent=2))
    for line in [] if as_json else lines:
        typer.echo(line)
    if one.digest != other.digest:
        raise typer.Exit(1)


@policy_commands.command()
def lint(path: PolicyFile, as_json: AsJson = False) -> None:
    """Warn of parts without effect and of what is unusual. Exit code 1 if there are warnings."""
    from quarterturn.policy import read_policy
    from quarterturn.policy.lint import lint as findings

    found = findings(read_policy(path))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    for warning in [] if as_json else found:
        typer.secho(f"{warning['code']}: {warning['message']}", fg="yellow")
    if found:
        raise typer.Exit(1)
    if not as_json:
        typer.echo("no warnings")


@policy_commands.command("import")
def import_recipe(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A timm string such as rand-m9-n2-mstd0.5-inc1; recipe.py:transform with a "
            "composition of torchvision; or a JSON file of albumentations, lightly or LightlyTrain."
        ),
    ],
    output: Annotated[Path, typer.Option(help="The file; - is standard output.")] = Path(
        "policy.json"
    ),
    name: Annotated[
        str | None,
        typer.Option(help="What to call it [default: as the recipe].", show_default=False),
    ] = None,
) -> None:
    """Write the recipe that you train with today as a policy."""
    from quarterturn.imports import import_policy

    made = import_policy(recipe, name=name)
    text = json.dumps(made.policy.to_document(), indent=2) + "\n"
    write(output, text.encode())
    for note in made.notes:
        typer.secho(f"note: {note}", fg="yellow", err=True)
    typer.echo(f"wrote {output}", err=output == STDOUT)
