"""Errors say where the space is wrong and what is allowed."""

from __future__ import annotations

from typing import Any

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.policy.operations import OPERATIONS
from quarterturn.space import parse_space
from tests.space.examples import DOCUMENTS


def _error(document: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        parse_space(document)
    return caught.value


def _operation_error(**operation: Any) -> InvalidInputError:
    return _error({"kind": "single_operation", "operations": ["invert", operation]})


def test_an_unknown_kind_names_all_kinds() -> None:
    error = _error({"kind": "grid"})
    assert error.code == "invalid_search_space"
    assert error.fields[0]["path"] == "$.kind"
    assert set(error.fields[0]["allowed"]) == set(DOCUMENTS)


def test_an_unknown_operation_is_named_with_all_that_are_allowed() -> None:
    error = _operation_error(op="twirl")
    assert error.fields[0]["path"] == "$.operations[1].op"
    assert set(error.fields[0]["allowed"]) == {*OPERATIONS, "random_resized_crop"}


@pytest.mark.parametrize(
    "strength", [-1, 200, {"min": 0, "max": 200}, {"values": [10, 200]}, {"min": -1, "max": 1}]
)
def test_a_strength_beyond_the_limit_names_the_limit(strength: Any) -> None:
    error = _operation_error(op="rotate", strength=strength)
    assert error.fields[0]["path"] == "$.operations[1]"
    assert "strength of rotate must stay within [0, 180]" in error.message


def test_a_probability_beyond_one_names_the_bounds() -> None:
    error = _operation_error(op="invert", probability={"min": 0, "max": 2})
    assert "probability of invert must stay within [0, 1]" in error.message


def test_a_strength_where_there_is_none_is_refused() -> None:
    assert "invert has no strength" in _operation_error(op="invert", strength=1).message


def test_a_crop_cannot_cut_everything_away() -> None:
    error = _operation_error(op="random_resized_crop", strength=1.0)
    assert "within [0, 0.99]" in error.message


def test_a_range_upside_down_is_refused() -> None:
    error = _operation_error(op="rotate", strength={"min": 20, "max": 10})
    assert "$.operations[1].strength min must not exceed max" in error.message


@pytest.mark.parametrize("strength", ["10", [1, 2], True])
def test_anything_but_a_domain_names_the_three_forms(strength: Any) -> None:
    error = _operation_error(op="rotate", strength=strength)
    message = 'must be a number, a range {"min", "max"} or a grid {"values"}'
    assert error.fields == [{"path": "$.operations[1].strength", "message": message}]


def test_half_a_range_names_the_missing_end() -> None:
    error = _operation_error(op="rotate", strength={"min": 1})
    assert error.fields == [{"path": "$.operations[1].strength.max", "message": "is required"}]


def test_an_empty_grid_is_refused() -> None:
    error = _operation_error(op="rotate", strength={"values": []})
    assert error.fields[0]["path"] == "$.operations[1].strength.values"


def test_an_unknown_field_is_named() -> None:
    error = _operation_error(op="invert", chance=1)
    assert error.fields[0]["path"] == "$.operations[1].chance"


def test_a_fault_inside_a_shuffle_has_its_full_path() -> None:
    shuffle = {"op": "shuffle", "of": ["invert", {"op": "hue", "strength": 0.6}]}
    error = _error({"kind": "pipeline", "operations": [shuffle]})
    assert error.fields[0]["path"] == "$.operations[0].of[1]"
    assert "strength of hue" in error.message


def test_a_magnitude_is_a_fraction() -> None:
    error = _error({"kind": "rand_augment", **DOCUMENTS["rand_augment"], "magnitude": 9})
    assert "magnitude of rand_augment must stay within [0, 1]" in error.message


@pytest.mark.parametrize("field", ["operations", "count", "magnitude"])
def test_a_missing_field_is_named(field: str) -> None:
    document = {"kind": "rand_augment", **DOCUMENTS["rand_augment"]}
    del document[field]
    assert _error(document).fields == [{"path": f"$.{field}", "message": "is required"}]


def test_a_newer_version_asks_to_upgrade() -> None:
    error = _error({"kind": "of_the_future", "schema_version": 2})
    assert error.code == "search_space_too_new"
    assert error.fields[0]["path"] == "$.schema_version"
    assert "Upgrade" in error.message


@pytest.mark.parametrize("document", [None, 3, [], {}])
def test_anything_but_a_space_is_refused(document: Any) -> None:
    error = _error(document)
    assert error.code == "invalid_search_space"
    assert error.fields[0]["path"] == "$"
