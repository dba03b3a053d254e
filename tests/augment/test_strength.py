"""Strength 0 is the identity, and more strength changes more."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from quarterturn.policy.levels import operation_at
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import apply, smooth

WITH_STRENGTH = [name for name, info in OPERATIONS.items() if info.has_strength]
#: Not multiples of 1 / 255, as images are between operations.
IMAGES = (smooth(4, 24, 40).float() / 255 * 0.98 + 0.005).contiguous()


def _change(stage: dict[str, Any]) -> float:
    images = IMAGES.repeat(8, 1, 1, 1)
    return float((apply(images, stage) - images).abs().mean())


@pytest.mark.parametrize("op", WITH_STRENGTH)
def test_strength_zero_is_the_identity(op: str) -> None:
    out = apply(IMAGES, {"op": op, "strength": 0})
    # A resampling at the pixels themselves is exact up to rounding of the coordinates.
    atol = 1e-4 if OPERATIONS[op].geometric else 1e-6
    torch.testing.assert_close(out, IMAGES, atol=atol, rtol=0)


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_changes_the_image(op: str) -> None:
    assert _change(operation_at(op, 1.0).model_dump()) > 0.005


@pytest.mark.parametrize("op", WITH_STRENGTH)
def test_more_strength_changes_more(op: str) -> None:
    weak, strong = (_change(operation_at(op, fraction).model_dump()) for fraction in (0.25, 1.0))
    assert 0.0 < weak < strong


@pytest.mark.parametrize("op", OPERATIONS)
def test_probability_zero_never_applies(op: str) -> None:
    stage = operation_at(op, 1.0, probability=0.0).model_dump()
    torch.testing.assert_close(apply(IMAGES, stage), IMAGES, atol=0, rtol=0)


def test_strengths_are_uniform_between_their_bounds() -> None:
    grey = torch.full((4000, 3, 1, 1), 0.5)
    stage = {"op": "brightness", "strength": [0.2, 0.6], "sign": "positive"}
    strength = apply(grey, stage)[:, 0, 0, 0] / 0.5 - 1
    at = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0])
    expected = torch.tensor([0.2, 0.3, 0.4, 0.5, 0.6])
    torch.testing.assert_close(strength.quantile(at), expected, atol=0.02, rtol=0)


def test_strengths_of_integer_operations_are_drawn_evenly() -> None:
    # 255 loses 2 ** bits - 1.
    white = torch.full((4000, 3, 1, 1), 255, dtype=torch.uint8)
    lost = 255 - apply(white, {"op": "posterize", "strength": [1, 4]})[:, 0, 0, 0] * 255
    shares = [(lost.round() == 2**bits - 1).float().mean().item() for bits in (1, 2, 3, 4)]
    assert shares == pytest.approx([0.25] * 4, abs=0.03)


def test_the_sign_is_drawn_independently_of_the_strength() -> None:
    grey = torch.full((4000, 3, 1, 1), 0.5)
    stage = {"op": "brightness", "strength": [0.1, 0.9], "sign": "random"}
    change = apply(grey, stage)[:, 0, 0, 0] / 0.5 - 1
    pair = torch.stack((change.abs(), change.sign()))
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.065  # four standard errors
