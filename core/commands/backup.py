"""`quarterturn backup` and `quarterturn restore`: the embedded stack in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.commands.configure import settings_with
from quarterturn.cli.options import DataDir


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write it; a file there is replaced.")],
    data_dir: DataDir = None,
) -> None:
    """Write database and files of the embedded stack to one file, whether it runs or not."""
    from core.embedded.backup import back_up

    back_up(settings_with(data_dir=data_dir), file)
    typer.echo(f"{file}: {file.stat().st_size / 2**20:.1f} MiB.")


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.", exists=True, dir_okay=False)],
    data_dir: DataDir = None,
) -> None:
    """Make the data folder of an embedded stack from a backup; then run `quarterturn serve`."""
    from core.embedded.backup import restore as run

    settings = settings_with(data_dir=data_dir)
    run(settings, file)
    typer.echo(f"Restored to {settings.data_dir}. `quarterturn serve` goes on from there.")
