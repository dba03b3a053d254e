"""The published JSON Schema and the parser agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from quarterturn.policy import Policy, policy_json_schema
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

PUBLISHED = Path(__file__).parents[2] / "docs" / "policy.schema.json"
VALIDATOR = Draft202012Validator(policy_json_schema())


def test_the_published_file_is_the_schema_of_this_release() -> None:
    assert PUBLISHED.read_text() == json.dumps(policy_json_schema(), indent=2) + "\n"


def test_it_is_a_valid_json_schema() -> None:
    Draft202012Validator.check_schema(policy_json_schema())


@pytest.mark.parametrize("name", RECIPES)
def test_it_accepts_every_recipe(name: str) -> None:
    assert VALIDATOR.is_valid(RECIPES[name].to_document())


@given(policies)
@settings(max_examples=30, deadline=None)
def test_it_accepts_what_the_parser_accepts(policy: Policy) -> None:
    VALIDATOR.validate(json.loads(json.dumps(policy.to_document())))


def test_it_accepts_a_number_as_strength() -> None:
    VALIDATOR.validate({"views": [[{"op": "rotate", "strength": 10}]]})


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"views": []},
        {"views": [[], [], []]},
        {"views": [[{"op": "twirl"}]]},
        {"views": [[{"op": "invert", "probability": 1.5}]]},
        {"views": [[{"op": "invert", "chance": 0.5}]]},
        {"views": [[{"op": "rotate", "strength": "ten"}]]},
        {"views": [[]], "schema_version": 3},
    ],
)
def test_it_refuses_a_bad_policy(document: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(document)
