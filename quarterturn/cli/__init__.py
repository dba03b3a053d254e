"""The command line. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from quarterturn.cli.checkpoints import checkpoints_commands, encoder
from quarterturn.cli.datasets import datasets_commands, estimate, spaces
from quarterturn.cli.jobs import jobs_commands, trials
from quarterturn.cli.policy import policy_commands
from quarterturn.cli.score import score
from quarterturn.cli.search import search
from quarterturn.cli.service import add_service_commands
from quarterturn.errors import QuarterturnError

app = typer.Typer(
    name="quarterturn",
    help="Chooses an augmentation policy for self-supervised pretraining, without labels.",
    no_args_is_help=True,
    rich_markup_mode=None,  # it takes the brackets of "[default: ...]" for markup
    pretty_exceptions_enable=False,
)
app.command()(search)
app.command()(score)
app.add_typer(policy_commands, name="policy")
app.add_typer(jobs_commands, name="jobs")
app.command()(trials)
app.add_typer(datasets_commands, name="datasets")
app.command()(spaces)
app.command()(estimate)
app.command()(encoder)
app.add_typer(checkpoints_commands, name="checkpoints")
add_service_commands(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("quarterturn"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: errors meant for users are printed as a sentence, exit code 2."""
    try:
        app()
    except QuarterturnError as error:
        typer.secho(f"Error [{error.code}]: {error.message}", fg="red", err=True)
        for field in error.fields[:10]:
            typer.echo(f"  {field['path']}: {field['message']}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
