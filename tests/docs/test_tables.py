"""The tables of docs/ are those of the code."""

from __future__ import annotations

import re

import pytest

from core import lifecycle
from core.policies.operations import OPERATIONS
from core.policies.recipes import BASELINES
from core.settings import Settings
from core.spaces import PRESETS
from tests.docs.texts import codes, operations_table, presets_table, read, rows, settings_table

_HEADINGS = {"jobs": "## Jobs", "trials": "## Trials", "datasets": "## Datasets"}


def _lines(name: str) -> list[str]:
    return read(name).splitlines()


@pytest.mark.parametrize("line", settings_table()[2:])
def test_each_setting_is_documented(line: str) -> None:
    assert line in _lines("docs/settings.md")


def test_each_documented_setting_exists() -> None:
    named = set(re.findall(r"^\| `(QUARTERTURN_\w+)`", read("docs/settings.md"), re.MULTILINE))
    assert named == {f"QUARTERTURN_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize(
    "name", ["README.md", "docs/deployment.md", "docs/errors.md", "docker-compose.yml"]
)
def test_settings_named_elsewhere_exist(name: str) -> None:
    known = {f"QUARTERTURN_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"QUARTERTURN_\w+", read(name))) <= known


@pytest.mark.parametrize("line", operations_table()[2:])
def test_each_operation_is_documented(line: str) -> None:
    assert line in _lines("docs/policy.md")


def test_each_documented_operation_exists() -> None:
    table = [line for line in _lines("docs/policy.md") if line.startswith("| `")]
    start = table.index(operations_table()[2])
    named = [re.findall(r"`(\w+)`", line)[0] for line in table[start : start + len(OPERATIONS)]]
    assert named == list(OPERATIONS)


def test_presets_are_documented() -> None:
    assert [line for line in _lines("docs/search-spaces.md") if line in presets_table()] == (
        presets_table()
    )
    assert [codes([row[0]]) for row in rows(read("docs/search-spaces.md"), "## Presets")] == [
        {name} for name in PRESETS
    ]


def test_baselines_are_documented_in_their_order() -> None:
    assert re.findall(r"^\d\. `(\w+)`:", read("docs/method.md"), re.MULTILINE) == list(BASELINES)


@pytest.mark.parametrize("table", list(lifecycle.TABLES))
def test_states_and_arrows(table: str) -> None:
    text = read("docs/states.md")
    documented = {
        next(iter(codes([row[0]]))): codes([row[2]]) for row in rows(text, _HEADINGS[table])
    }
    assert documented == {state: set(to) for state, to in lifecycle.TABLES[table].items()}


@pytest.mark.parametrize("table", list(lifecycle.TABLES))
def test_diagrams_show_the_same_arrows(table: str) -> None:
    below = read("docs/states.md").partition(f"\n{_HEADINGS[table]}\n")[2]
    diagram = below.partition("```mermaid\n")[2].partition("```")[0]
    arrows = set(re.findall(r"^ +(\w+) --> (\w+)$", diagram, re.MULTILINE))
    assert arrows == {
        (state, target) for state, to in lifecycle.TABLES[table].items() for target in to
    }
    ends = set(re.findall(r"^ +(\w+) --> \[\*\]$", diagram, re.MULTILINE))
    assert ends == lifecycle.final(table)
