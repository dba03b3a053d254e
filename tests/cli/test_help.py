"""Help of every command: it shows defaults, and every command for programs prints JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from quarterturn.cli import app

#: They write files or nothing, or serve; `--output -` is for programs.
_NO_JSON = {
    *("jobs policy", "encoder", "policy export", "policy import", "policy preview"),
    *("serve", "api", "worker", "migrate", "backup", "restore"),
}


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _commands(inner, (*path, name))
    else:
        yield " ".join(path), command


_ALL = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", list(_ALL))
def test_help_shows_defaults(name: str) -> None:
    done = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "400"})
    assert done.exit_code == 0, done.output
    for parameter in _ALL[name].params:
        default = parameter.default
        if default is None or isinstance(default, bool) or callable(default):
            continue
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert "[default: " in done.output, parameter.name
            assert str(default) in done.output, parameter.name


@pytest.mark.parametrize("name", sorted(set(_ALL) - _NO_JSON))
def test_programs_get_json(name: str) -> None:
    options = [option for parameter in _ALL[name].params for option in parameter.opts]
    assert "--json" in options
