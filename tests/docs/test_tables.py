"""The tables of docs/ are those of the code."""

from __future__ import annotations

import ast
import re
from itertools import pairwise

import pytest

from api.schemas import TrialDetail
from core import lifecycle
from core.settings import Settings
from quarterturn.data.cache import SPLIT_ENDS
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain.spec import ScoringSpec
from quarterturn.score.criteria import CRITERIA
from quarterturn.search.ranking import Ranked
from quarterturn.search.spec import SearchSpec
from quarterturn.space import PRESETS
from tests.docs.texts import (
    codes,
    operations_table,
    presets_table,
    read,
    rows,
    settings_table,
    table,
)

_HEADINGS = {
    "jobs": "## Jobs",
    "trials": "## Trials",
    "datasets": "## Datasets",
    "checkpoints": "## Checkpoints",
}


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


def test_splits() -> None:
    ends = [0.0, *SPLIT_ENDS.values()]
    shares = [f"{round(100 * (end - start))} %" for start, end in pairwise(ends)]
    documented = [row[:2] for row in table(read("docs/method.md"), "split")]
    expected = zip((f"`{name}`" for name in SPLIT_ENDS), shares, strict=True)
    assert documented == [list(pair) for pair in expected]


def test_criteria() -> None:
    documented = {row[0].strip("`"): row[-2] for row in rows(read("docs/method.md"), "## Criteria")}
    signs = {1: "as it is", -1: "times -1"}
    assert documented == {name: signs[criterion.sign] for name, criterion in CRITERIA.items()}


def _first_cells(text: str, first: str) -> set[str]:
    return codes([row[0] for row in table(text, first)])


def _keys(module: str, function: str, name: str | None = None) -> set[str]:
    """Keys of the dictionary that a function returns, or assigns to a name."""
    for node in ast.walk(ast.parse(read(module))):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            for inner in ast.walk(node):
                named = isinstance(inner, ast.Assign) and ast.unparse(inner.targets[0]) == name
                if (isinstance(inner, ast.Return) and name is None) or named:
                    value = inner.value  # type: ignore[attr-defined]
                    if isinstance(value, ast.ListComp):
                        value = value.elt
                    if isinstance(value, ast.Dict):
                        return {ast.literal_eval(key) for key in value.keys if key}
    raise AssertionError(f"{module} has no dictionary in {function}")


def test_fields_of_the_dashboard() -> None:
    text = read("docs/api.md").partition("### `GET /v1/jobs/{job_id}/dashboard`")[2]
    assert _first_cells(text, "field") == _keys("core/jobs/progress.py", "dashboard")
    assert _first_cells(text, "field of `rungs`") == _keys("core/jobs/progress.py", "_rungs")
    assert _first_cells(text, "field of `ranking`") == set(Ranked.__dataclass_fields__)


def test_fields_of_jobs_and_trials() -> None:
    text = read("docs/api.md")
    fields = _first_cells(text.partition("### `POST /v1/jobs`")[2], "field | default")
    assert fields == {"dataset_id", "name", *SearchSpec.model_fields}
    assert {row[0].strip("`"): row[1].strip("`") for row in table(text, "field of `scoring`")} == {
        name: str(field.default) for name, field in ScoringSpec.model_fields.items()
    }
    of_a_trial = text.partition("### `GET /v1/trials/{trial_id}`")[2]
    assert _first_cells(of_a_trial, "field") <= set(TrialDetail.model_fields)


def test_fields_of_the_selection() -> None:
    text = read("docs/policy.md")
    module = "quarterturn/search/selection.py"
    assert _first_cells(text.partition("## Selection")[2], "field") == (
        _keys(module, "select", "selection") | _keys(module, "_scores")
    )
    sentences = _first_cells(text, "`measured_on`")
    assert all(sentence in read(module) for sentence in sentences)
