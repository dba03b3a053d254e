"""`quarterturn policy`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

policy_commands = typer.Typer(help="Read policy files.", no_args_is_help=True)


@policy_commands.callback()
def _policy() -> None:
    """Read policy files."""


@policy_commands.command()
def show(path: Annotated[Path, typer.Argument(help="A policy file.")]) -> None:
    """Show what a policy does, in words, and how it was chosen."""
    from core.policies import policy_warnings, read_policy
    from core.policies.words import describe

    policy = read_policy(path)
    typer.secho(policy.name, bold=True)
    for line in describe(policy):
        typer.echo(line)
    selection = policy.selection or {}
    if "score" in selection:
        typer.echo(
            f"rotation accuracy {100 * selection['score']:.1f} ± "
            f"{100 * selection['standard_error']:.1f} % over {selection['seeds']} seeds, "
            f"rank {selection['rank']} of {selection['candidates']}"
        )
        tied = selection.get("tied_with", [])
        if tied:
            typer.echo(f"not distinguishable from: {', '.join(tied)}")
    for warning in selection.get("warnings", policy_warnings(policy)):
        typer.secho(f"warning: {warning['message']}", fg="yellow")
