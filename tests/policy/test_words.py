"""Policies can be read out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.words import describe
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies


@pytest.mark.parametrize("name", [name for name in RECIPES if name != "byol"])
def test_one_view_is_said_to_be_both(name: str) -> None:
    assert describe(RECIPES[name])[0] == "both views:"


def test_two_views_are_told_apart() -> None:
    lines = describe(RECIPES["byol"])
    assert {"first view:", "second view:"} <= set(lines)
    first, second = lines[: lines.index("second view:")], lines[lines.index("second view:") :]
    assert not any("solarize" in line for line in first)
    assert any("solarize 0.5" in line and "probability 0.2" in line for line in second)


def test_nothing_is_said_to_be_nothing() -> None:
    assert describe(RECIPES["none"]) == ["both views:", "  nothing: the image itself"]


def test_moco_v2_reads_as_it_is_written() -> None:
    assert describe(RECIPES["moco_v2"]) == [
        "both views:",
        "  random_resized_crop to 0.2-1 of the area",
        "  in random order with probability 0.8:",
        "    - brightness factor 0.6-1.4",
        "    - contrast factor 0.6-1.4",
        "    - saturation factor 0.6-1.4",
        "    - hue ±0-0.1 (fraction of the hue circle)",
        "  grayscale with probability 0.2",
        "  gaussian_blur 0.1-2 (standard deviation in pixels) with probability 0.5",
        "  horizontal_flip with probability 0.5",
    ]


def test_long_policies_are_cut() -> None:
    lines = describe(RECIPES["selfaugment"])
    assert "  one of 500 sub-policies:" in lines
    assert "    - and 480 more" in lines
    assert len(lines) < 30


def test_signs_are_shown() -> None:
    stages = [{"op": "rotate", "strength": 5, "sign": sign} for sign in ("positive", "negative")]
    assert [line.split()[1] for line in describe(parse_policy({"views": [stages]}))[1:]] == [
        "+5",
        "-5",
    ]


@given(policies)
@settings(max_examples=30, deadline=None)
def test_any_policy_can_be_described(policy: Policy) -> None:
    lines = describe(policy)
    assert len(lines) > len(policy.views)
    assert all(line.strip() for line in lines)


def test_a_draw_that_is_never_applied_is_nothing() -> None:
    lines = describe(BASELINES["rand_augment"]())
    assert "    - nothing" in lines
    assert not any("probability 0" in line and "probability 0." not in line for line in lines)
