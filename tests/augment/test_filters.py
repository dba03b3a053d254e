"""Blur, noise and cutout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from quarterturn.augment import layout
from quarterturn.augment.ops import cutout
from quarterturn.augment.ops.gaussian_blur import blur
from quarterturn.augment.ops.operation import StepArguments
from tests.augment.images import apply, distance, smooth

IMAGES = smooth(4, 40, 48)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 2.0, 4.0])
def test_gaussian_blur_is_that_of_torchvision_within_half_a_step(sigma: float) -> None:
    ours = apply(IMAGES, {"op": "gaussian_blur", "strength": sigma})
    size = 2 * math.ceil(3 * sigma) + 1
    theirs = reference.gaussian_blur(IMAGES, [size, size], [sigma, sigma])
    assert distance(ours, theirs) <= 0.51  # their rounding to 8 bits


def test_each_image_is_blurred_by_its_own_sigma_whatever_the_others() -> None:
    images = IMAGES.float() / 255
    sigma = torch.tensor([0.3, 1.0, 2.0, 7.0])
    together = blur(images, sigma, float(sigma.max()))
    for i in range(4):
        alone = blur(images[i : i + 1], sigma[i : i + 1], float(sigma[i]))
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (8, 8)])
def test_blurs_wider_than_the_image_stay_finite(size: tuple[int, int]) -> None:
    out = apply(smooth(2, *size), {"op": "gaussian_blur", "strength": 10})
    assert torch.isfinite(out).all()


def test_noise_has_the_stated_deviation_and_no_mean() -> None:
    grey = torch.full((8, 3, 32, 32), 0.5)
    noise = apply(grey, {"op": "gaussian_noise", "strength": 0.1}) - 0.5
    assert abs(float(noise.mean())) < 0.003
    assert float(noise.std()) == pytest.approx(0.1, rel=0.03)


def test_noise_differs_between_images_channels_and_pixels() -> None:
    noise = apply(torch.full((2, 3, 16, 16), 0.5), {"op": "gaussian_noise", "strength": 0.1})
    pairs = [(noise[0], noise[1]), (noise[:, 0], noise[:, 1]), (noise[..., 0], noise[..., 1])]
    for one, other in pairs:
        correlation = torch.corrcoef(torch.stack((one.flatten(), other.flatten())))[0, 1]
        assert abs(float(correlation)) < 0.35


def _covered(out: torch.Tensor) -> torch.Tensor:
    return (out == 1.0).all(1)


def _cutout(centre: tuple[float, float], strength: float = 0.25, size: int = 40) -> torch.Tensor:
    """The mask of a cutout on a black image, white being what is covered."""
    row = np.ones((1, layout.ROW), np.float32)
    row[:, layout.STRENGTH] = strength
    row[:, layout.UNIFORM : layout.UNIFORM + 2] = centre
    step = StepArguments(row, torch.device("cpu"), None, np.zeros(1, np.int64))
    out = cutout.torch_ref(torch.zeros(1, 3, size, size), step)
    return _covered(out)[0]


def test_a_cutout_inside_is_a_whole_square_around_its_centre() -> None:
    mask = _cutout((0.5, 0.4))
    assert mask[11:21, 15:25].all()
    assert int(mask.sum()) == 100


def test_a_cutout_beyond_the_top_left_keeps_its_size() -> None:
    mask = _cutout((0.0, 0.0))
    assert mask[:10, :10].all()
    assert int(mask.sum()) == 100


def test_a_cutout_beyond_the_bottom_right_is_cut() -> None:
    mask = _cutout((1.0, 1.0))
    assert mask[35:, 35:].all()
    assert int(mask.sum()) == 25


def test_cutouts_are_square_with_a_side_relative_to_the_width() -> None:
    images = torch.zeros(64, 3, 60, 20)
    masks = _covered(apply(images, {"op": "cutout", "strength": 0.5, "fill": [255, 255, 255]}))
    heights, widths = masks.any(2).sum(1), masks.any(1).sum(1)
    assert int(widths.max()) == int(heights.max()) == 10
    assert torch.equal(masks.sum((1, 2)), heights * widths)


def test_cutouts_are_grey_unless_a_fill_is_given() -> None:
    out = apply(torch.zeros(1, 3, 20, 20), {"op": "cutout", "strength": 1.0}) * 255
    covered = out[0].amax((1, 2)).round().tolist()
    assert covered == [125, 123, 114]


def test_cutouts_lie_anywhere() -> None:
    images = torch.zeros(2000, 3, 16, 16)
    masks = _covered(apply(images, {"op": "cutout", "strength": 1 / 16, "fill": [255] * 3}))
    share = masks.float().mean(0) * 256
    # One pixel of 256 each; the first row and column get what passes the border.
    assert float(share[1:, 1:].mean()) == pytest.approx(1.0, abs=0.1)
    assert float(masks[:, 8:, :].float().sum((1, 2)).mean()) == pytest.approx(0.5, abs=0.05)
