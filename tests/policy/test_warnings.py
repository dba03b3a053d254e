"""Policies that teach rotation invariance are pointed out."""

from __future__ import annotations

from typing import Any

import pytest

from quarterturn.policy import parse_policy, policy_warnings
from quarterturn.policy.recipes import BASELINES, byol

H, V = {"op": "horizontal_flip", "probability": 0.5}, {"op": "vertical_flip", "probability": 0.5}


def _warned(*views: list[dict[str, Any]]) -> list[str]:
    warnings = policy_warnings(parse_policy({"views": list(views)}))
    assert all(item["code"] == "rotation_confounded" for item in warnings)
    return [item["operation"] for item in warnings]


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_is_pointed_out(name: str) -> None:
    assert policy_warnings(BASELINES[name]()) == []


def test_byol_is_not_pointed_out() -> None:
    assert policy_warnings(byol()) == []


def test_quarter_turns_are_pointed_out() -> None:
    assert _warned([{"op": "rotate90"}]) == ["rotate90"]


def test_rotations_beyond_45_degrees_are_pointed_out_with_the_angle() -> None:
    policy = parse_policy({"views": [[{"op": "rotate", "strength": [0, 46]}]]})
    assert "up to 46 degrees" in policy_warnings(policy)[0]["message"]


def test_rotations_up_to_45_degrees_are_not() -> None:
    assert _warned([{"op": "rotate", "strength": [0, 45]}]) == []


def test_both_flips_are_pointed_out() -> None:
    assert _warned([H, V]) == ["vertical_flip"]


@pytest.mark.parametrize("flip", [H, V])
def test_one_flip_is_not(flip: dict[str, Any]) -> None:
    assert _warned([flip]) == []


def test_one_flip_in_each_view_is_a_half_turn_between_them() -> None:
    assert _warned([H], [V]) == ["vertical_flip"]


def test_what_both_views_do_is_said_once() -> None:
    assert _warned([{"op": "rotate90"}], [{"op": "rotate90"}]) == ["rotate90"]


def test_what_is_never_applied_is_not_pointed_out() -> None:
    assert _warned([{"op": "rotate90", "probability": 0}]) == []
    assert _warned([{"op": "shuffle", "probability": 0, "of": [{"op": "rotate90"}]}]) == []


@pytest.mark.parametrize(
    "group",
    [
        {"op": "one_of", "branches": [{"stages": []}, {"stages": [{"op": "rotate90"}]}]},
        {"op": "sample", "count": 1, "of": [{"op": "invert"}, {"op": "rotate90"}]},
        {"op": "shuffle", "of": [{"op": "invert"}, {"op": "rotate90"}]},
    ],
)
def test_groups_are_looked_into(group: dict[str, Any]) -> None:
    assert _warned([group]) == ["rotate90"]
