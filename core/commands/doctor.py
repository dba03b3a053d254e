"""`quarterturn doctor`"""

from __future__ import annotations

import typer

from quarterturn.cli.options import DataDir

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "red")}


def doctor(data_dir: DataDir = None) -> None:
    """Say what is wrong with this installation; the exit code is 1 if anything is."""
    from core.diagnosis import diagnose
    from core.settings import get_settings

    settings = get_settings()
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir})
    problems = 0
    for finding in diagnose(settings):
        mark, colour = _MARKS[finding.level]
        typer.echo(f"{typer.style(f'{mark:8}', fg=colour)} {finding.text}")
        problems += finding.level == "problem"
    if problems:
        raise typer.Exit(1)
