"""Colour operations against torchvision on 8-bit images.

Tolerances are in steps of 1 / 255. We do not round; the reference rounds or truncates its result,
which costs up to one step, and sometimes an intermediate too (the mean grey, the grey image).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from tests.augment.images import apply, distance, signed, smooth

IMAGES = smooth(6, 24, 40)
FACTORS = [-0.9, -0.4, 0.3, 0.9]
Enhance = Callable[[torch.Tensor, float], torch.Tensor]


def _enhanced(op: str, reference_of: Enhance, strength: float) -> float:
    ours = apply(IMAGES, signed(op, strength))
    return distance(ours, reference_of(IMAGES, 1.0 + strength))


@pytest.mark.parametrize("strength", FACTORS)
def test_brightness_is_within_one_step(strength: float) -> None:
    assert _enhanced("brightness", reference.adjust_brightness, strength) <= 1.001


@pytest.mark.parametrize("strength", FACTORS)
def test_saturation_is_within_two_steps(strength: float) -> None:
    # torchvision floors the grey image before it blends.
    assert _enhanced("saturation", reference.adjust_saturation, strength) <= 2.001


@pytest.mark.parametrize("strength", FACTORS)
def test_contrast_is_within_two_steps(strength: float) -> None:
    assert _enhanced("contrast", reference.adjust_contrast, strength) <= 2.001


@pytest.mark.parametrize("strength", FACTORS)
def test_sharpness_is_within_two_steps(strength: float) -> None:
    # torchvision rounds the smoothed image before it blends.
    assert _enhanced("sharpness", reference.adjust_sharpness, strength) <= 2.001


@pytest.mark.parametrize("strength", [-0.5, -0.2, -0.05, 0.1, 0.25, 0.5])
def test_hue_is_within_one_step(strength: float) -> None:
    ours = apply(IMAGES, signed("hue", strength))
    assert distance(ours, reference.adjust_hue(IMAGES, strength)) <= 1.001


@pytest.mark.parametrize("bits", range(8))
def test_posterize_is_exact(bits: int) -> None:
    ours = apply(IMAGES, {"op": "posterize", "strength": bits})
    assert distance(ours, reference.posterize(IMAGES, 8 - bits)) < 1e-3


@pytest.mark.parametrize("threshold", [0, 1, 64, 128, 200, 255, 256])
def test_solarize_is_exact(threshold: int) -> None:
    ours = apply(IMAGES, {"op": "solarize", "strength": 1 - threshold / 256})
    theirs = reference.solarize(IMAGES, threshold) if threshold < 256 else IMAGES
    assert distance(ours, theirs) < 1e-3


def test_equalize_is_exact() -> None:
    assert distance(apply(IMAGES, {"op": "equalize"}), reference.equalize(IMAGES)) < 1e-3


def test_equalize_leaves_channels_of_one_value() -> None:
    flat = torch.full((1, 3, 8, 8), 77, dtype=torch.uint8)
    assert distance(apply(flat, {"op": "equalize"}), flat) < 1e-3


def test_auto_contrast_is_within_one_step() -> None:
    dull = IMAGES // 2 + 40
    assert distance(apply(dull, {"op": "auto_contrast"}), reference.autocontrast(dull)) <= 1.001


def test_auto_contrast_leaves_channels_of_one_value() -> None:
    flat = torch.full((1, 3, 8, 8), 77, dtype=torch.uint8)
    assert distance(apply(flat, {"op": "auto_contrast"}), flat) < 1e-3


def test_invert_is_exact() -> None:
    assert distance(apply(IMAGES, {"op": "invert"}), reference.invert(IMAGES)) < 1e-3


def test_grayscale_is_within_one_step_and_has_no_colour() -> None:
    ours = apply(IMAGES, {"op": "grayscale"})
    # torchvision truncates, and its weights sum to 0.9999.
    assert distance(ours, reference.rgb_to_grayscale(IMAGES, num_output_channels=3)) <= 1.03
    assert torch.equal(ours[:, 0], ours[:, 1])
    assert torch.equal(ours[:, 0], ours[:, 2])


@pytest.mark.parametrize("op", ["brightness", "contrast", "saturation", "sharpness", "hue"])
def test_the_sign_gives_the_direction(op: str) -> None:
    down, up = (apply(IMAGES, signed(op, strength)) for strength in (-0.3, 0.3))
    assert float((down - up).abs().mean()) > 0.005


def test_a_random_sign_draws_both_directions_alike() -> None:
    many = smooth(1).repeat(800, 1, 1, 1)
    out = apply(many, {"op": "brightness", "strength": 0.5, "sign": "random"})
    brighter = (out.mean((1, 2, 3)) > many.float().mean((1, 2, 3)) / 255).float().mean()
    assert 0.43 < float(brighter) < 0.57  # four standard errors
