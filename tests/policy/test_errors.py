"""Errors say where the policy is wrong and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.policy import parse_policy, read_policy
from quarterturn.policy.operations import OPERATIONS


def _error(document: Any) -> InvalidInputError:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(document)
    return caught.value


def _operation_error(**operation: Any) -> InvalidInputError:
    return _error({"views": [[{"op": "invert"}, operation]]})


def test_an_unknown_operation_is_named_with_all_that_are_allowed() -> None:
    error = _operation_error(op="twirl")
    assert error.code == "invalid_policy"
    assert error.fields[0]["path"] == "$.views[0][1].op"
    assert "'twirl'" in error.message
    groups = {"random_resized_crop", "one_of", "sample", "shuffle"}
    assert set(error.fields[0]["allowed"]) == set(OPERATIONS) | groups


@pytest.mark.parametrize("strength", [-1, 181, [0, 181], [20, 10], [-5, 5]])
def test_a_strength_beyond_the_limit_names_the_limit_and_the_unit(strength: Any) -> None:
    error = _operation_error(op="rotate", strength=strength)
    assert error.fields[0]["path"] == "$.views[0][1]"
    assert "strength of rotate" in error.message
    assert "180 (degrees)" in error.message


def test_a_missing_strength_names_the_range() -> None:
    error = _operation_error(op="gaussian_blur")
    assert "$.views[0][1]" in error.message
    assert "needs a strength in [0, 10] (standard deviation in pixels)" in error.message


def test_a_strength_where_there_is_none_is_refused() -> None:
    assert "grayscale has no strength" in _operation_error(op="grayscale", strength=1).message


def test_a_sign_where_there_is_none_is_refused() -> None:
    error = _operation_error(op="solarize", strength=0.5, sign="positive")
    assert "solarize has no sign" in error.message


def test_an_unknown_sign_names_the_allowed_ones() -> None:
    error = _operation_error(op="rotate", strength=5, sign="up")
    assert error.fields[0]["path"] == "$.views[0][1].sign"
    assert error.fields[0]["allowed"] == ["random", "positive", "negative"]


def test_an_unknown_field_is_named() -> None:
    error = _operation_error(op="invert", chance=0.5)
    assert error.fields[0]["path"] == "$.views[0][1].chance"
    assert "not a known field" in error.message


def test_a_probability_above_one_is_refused_with_the_bound() -> None:
    error = _operation_error(op="invert", probability=1.5)
    assert error.fields[0]["path"] == "$.views[0][1].probability"
    assert "less than or equal to 1" in error.message


def test_a_fault_inside_a_branch_has_its_full_path() -> None:
    branch = {"stages": [{"op": "invert", "probability": 2}]}
    error = _error({"views": [[{"op": "one_of", "branches": [{"stages": []}, branch]}]]})
    assert error.fields[0]["path"] == "$.views[0][0].branches[1].stages[0].probability"


def test_drawing_more_than_there_are_without_replacement_is_refused() -> None:
    error = _operation_error(op="sample", count=2, replace=False, of=[{"op": "invert"}])
    assert "without replacement" in error.message


@pytest.mark.parametrize(
    "crop", [{"scale": [0.5, 0.2]}, {"ratio": [2, 1]}, {"scale": [0, 1]}, {"ratio": [1, 100]}]
)
def test_impossible_crops_are_refused(crop: dict[str, Any]) -> None:
    error = _operation_error(op="random_resized_crop", **crop)
    assert error.fields[0]["path"].startswith("$.views[0][1]")


def test_a_newer_version_asks_to_upgrade() -> None:
    error = _error({"schema_version": 3, "views": [[]], "of_the_future": True})
    assert error.code == "policy_too_new"
    assert error.fields[0]["path"] == "$.schema_version"
    assert "version 2" in error.message
    assert "Upgrade" in error.message


@pytest.mark.parametrize("document", [None, 3, "moco_v2", [], [{"views": [[]]}]])
def test_anything_but_an_object_is_refused(document: Any) -> None:
    error = _error(document)
    assert error.code == "invalid_policy"
    assert "$ must be a JSON object" in error.message


@pytest.mark.parametrize("strength", ["ten", {}, [1, 2, 3], [1], True, float("nan")])
def test_a_strength_of_a_wrong_type_names_its_path(strength: Any) -> None:
    error = _operation_error(op="rotate", strength=strength)
    assert error.fields[0]["path"].startswith("$.views[0][1].strength")


@pytest.mark.parametrize("count", [0, 3])
def test_a_policy_has_one_or_two_views(count: int) -> None:
    assert _error({"views": [[]] * count}).fields[0]["path"] == "$.views"


def test_missing_views_are_named() -> None:
    error = _error({"name": "x"})
    assert error.fields == [{"path": "$.views", "message": "is required"}]


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"views": [')
    with pytest.raises(InvalidInputError, match=r"policy\.json is not JSON") as caught:
        read_policy(path)
    assert caught.value.code == "invalid_policy"


def test_a_file_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text("[" * 100_000)
    with pytest.raises(InvalidInputError, match="is not JSON"):
        read_policy(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00binary"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "absent.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"absent\.json cannot be read"):
        read_policy(path)
