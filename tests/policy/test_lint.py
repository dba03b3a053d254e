"""Lint finds each oddity it documents, and nothing in the recipes of the literature."""

from __future__ import annotations

import re
from typing import Any

import pytest

from quarterturn.policy import parse_policy
from quarterturn.policy.diff import compare
from quarterturn.policy.lint import lint
from quarterturn.policy.recipes import BASELINES, crop_flip, moco_v2, simclr
from tests.docs.texts import codes, read, table

_CROP = {"op": "random_resized_crop"}
_HUE = {"op": "hue", "strength": 0.1}
_CASES: list[tuple[str, list[list[dict[str, Any]]]]] = [
    ("identity", [[]]),
    ("same_views", [[_CROP], [_CROP]]),
    ("no_crop", [[_HUE]]),
    ("never_applied", [[_CROP, {**_HUE, "probability": 0}]]),
    ("no_effect", [[_CROP, {**_HUE, "strength": 0}]]),
    ("colour_after_grey", [[_CROP, {"op": "grayscale"}, _HUE]]),
    ("sample_of_one", [[_CROP, {"op": "sample", "count": 1, "of": [_HUE]}]]),
    ("repeated_branch", [[_CROP, {"op": "one_of", "branches": [{"stages": [_HUE]}] * 2}]]),
    ("small_crop", [[{**_CROP, "scale": [0.01, 1]}]]),
    ("beyond_search", [[_CROP, {**_HUE, "strength": 0.5}]]),
    ("rotation_confounded", [[_CROP, {"op": "rotate90"}]]),
]


@pytest.mark.parametrize(("code", "views"), _CASES)
def test_each_oddity_is_found_and_nothing_else(
    code: str, views: list[list[dict[str, Any]]]
) -> None:
    found = lint(parse_policy({"views": views}))
    assert [warning["code"] for warning in found] == [code]
    assert found[0]["message"].endswith(".")


@pytest.mark.parametrize("name", [n for n in BASELINES if n not in ("none", "simclr")])
def test_recipes_pass(name: str) -> None:
    assert lint(BASELINES[name]()) == []


def test_the_codes_are_documented() -> None:
    documented = codes([row[0] for row in table(read("docs/exporting.md"), "warning")])
    assert documented == {code for code, _ in _CASES}
    source = read("quarterturn/policy/lint.py")
    assert documented - {"rotation_confounded"} == set(re.findall(r'yield \(?\s*"(\w+)"', source))


def test_the_same_policy_under_another_name_does_the_same() -> None:
    other = moco_v2().model_copy(update={"name": "mine"})
    assert compare(moco_v2(), other) == ["Both do the same."]


def test_changes_are_said_by_operation() -> None:
    lines = compare(moco_v2(), simclr())
    text = "\n".join(lines)
    assert "both: brightness, mean strength 0.2, at most 0.4" in text
    assert "→ mean strength 0.4, at most 0.8" in text
    assert "horizontal_flip" not in text.partition("\n\n")[0]
    assert any(line.startswith("- ") and "0.2-1" in line for line in lines)
    assert any(line.startswith("+ ") and "0.08-1" in line for line in lines)


def test_what_only_one_has_is_said() -> None:
    lines = compare(crop_flip(), moco_v2())
    assert "only moco_v2: grayscale, 20 % of pictures" in lines
    assert not any(line.startswith("only crop_flip") for line in lines)
