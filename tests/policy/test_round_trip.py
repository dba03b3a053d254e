"""Policies survive JSON unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from quarterturn.policy import Policy, parse_policy, read_policy, write_policy
from quarterturn.policy.schema import SCHEMA_VERSION
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_the_same_after_a_file(name: str, tmp_path: Path) -> None:
    policy = RECIPES[name]
    path = tmp_path / "policy.json"
    write_policy(policy, path)
    assert read_policy(path) == policy
    assert [item.name for item in tmp_path.iterdir()] == ["policy.json"]


@given(policies)
@settings(max_examples=60, deadline=None)
def test_any_policy_is_the_same_after_json(policy: Policy) -> None:
    again = parse_policy(json.loads(json.dumps(policy.to_document())))
    assert again == policy
    assert again.digest == policy.digest


def test_the_selection_is_kept() -> None:
    selection = {"score": 0.5, "rank": 1, "ties": ["a"], "warnings": []}
    policy = parse_policy({"views": [[]], "selection": selection})
    assert parse_policy(policy.to_document()).selection == selection


@pytest.mark.parametrize("name", RECIPES)
def test_every_document_states_its_version(name: str) -> None:
    assert RECIPES[name].to_document()["schema_version"] == SCHEMA_VERSION


def test_a_number_stands_for_a_constant_strength() -> None:
    short = parse_policy({"views": [[{"op": "rotate", "strength": 10}]]})
    long = parse_policy({"views": [[{"op": "rotate", "strength": [10.0, 10.0]}]]})
    assert short == long


def test_both_views_come_from_the_only_one() -> None:
    policy = RECIPES["moco_v2"]
    assert policy.view(0) == policy.view(1) == policy.views[0]


def test_two_views_are_kept_apart() -> None:
    policy = RECIPES["byol"]
    assert policy.view(0) == policy.views[0] != policy.view(1) == policy.views[1]


def test_the_large_policy_has_500_sub_policies() -> None:
    document = RECIPES["selfaugment"].to_document()
    assert len(document["views"][0][0]["branches"]) == 500
