"""`quarterturn doctor`"""

from __future__ import annotations

import typer

from quarterturn.cli.options import DataDir
from quarterturn.cli.showing import AsJson, show

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "red")}


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say what is wrong with this installation; the exit code is 1 if anything is."""
    from core.diagnosis import diagnose
    from core.settings import get_settings

    settings = get_settings()
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir})
    problems = 0
    found = []
    for finding in diagnose(settings):
        found.append({"level": finding.level, "text": finding.text})
        problems += finding.level == "problem"
        if not as_json:  # as they are found: some take seconds
            mark, colour = _MARKS[finding.level]
            typer.echo(f"{typer.style(f'{mark:8}', fg=colour)} {finding.text}")
    if as_json:
        show(found, True, str)
    if problems:
        raise typer.Exit(1)
