"""Shares are the frequencies that the interpreter shows."""

from __future__ import annotations

import pytest
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import BASELINES, byol
from quarterturn.policy.shares import shares_of

_INVERT = {"op": "invert", "probability": 0.5}
_NOTHING = {"op": "brightness", "strength": 0}


def test_shares_of_a_recipe() -> None:
    shares = shares_of(BASELINES["moco_v2"]())
    assert list(shares) == [
        "random_resized_crop",
        "contrast",
        "saturation",
        "brightness",
        "hue",
        "grayscale",
        "gaussian_blur",
        "horizontal_flip",
    ]
    assert shares["brightness"].rate == pytest.approx(0.8)
    assert shares["brightness"].strength == pytest.approx(0.2)
    assert shares["brightness"].strongest == pytest.approx(0.4)
    assert shares["grayscale"].strength is None


def test_shares_of_two_views_are_their_mean() -> None:
    shares = shares_of(byol())
    assert shares["gaussian_blur"].rate == pytest.approx((1.0 + 0.1) / 2)
    assert shares["solarize"].rate == pytest.approx(0.2 / 2)


@pytest.mark.parametrize(
    "stage",
    [
        {
            "op": "one_of",
            "probability": 0.8,
            "branches": [{"weight": 3, "stages": [_INVERT]}, {"weight": 1, "stages": []}],
        },
        {"op": "sample", "count": 1, "of": [_INVERT, _NOTHING, _NOTHING]},
        {"op": "sample", "count": 2, "replace": False, "of": [_INVERT, _NOTHING, _NOTHING]},
        {"op": "shuffle", "probability": 0.6, "of": [_NOTHING, _INVERT]},
    ],
)
def test_rates_are_those_of_the_interpreter(stage: dict[str, object]) -> None:
    policy = parse_policy({"views": [[stage]]})
    black = torch.zeros(4000, 3, 4, 4)
    inverted = augment(black, policy.view(0), RandomStreams(0)).mean()
    assert float(inverted) == pytest.approx(shares_of(policy)["invert"].rate, abs=0.032)


def test_what_is_never_applied_has_no_share() -> None:
    assert shares_of(BASELINES["none"]()) == {}
    assert "rotate" not in shares_of(
        parse_policy({"views": [[{"op": "rotate", "strength": 5, "probability": 0}]]})
    )
