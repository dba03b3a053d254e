"""Geometric operations against PIL, which samples the same continuous coordinates.

Ours are bilinear; so is the reference here. Compared are pixels whose source lies well inside:
PIL fills a source within half a pixel of the border, we repeat the border pixel. PIL truncates
its bilinear result to 8 bits in fixed point, hence the tolerance of 1.5 steps.
"""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as tv

from tests.augment.images import apply, distance, signed, smooth

HEIGHT, WIDTH = 36, 52
IMAGES = smooth(3, HEIGHT, WIDTH)
Affine = tuple[float, float, float, float, float, float]


def _pil(images: torch.Tensor, affine: Affine) -> torch.Tensor:
    height, width = images.shape[-2:]
    moved = [
        tv.to_pil_image(image).transform(
            (width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR
        )
        for image in images
    ]
    return torch.stack([tv.pil_to_tensor(image) for image in moved])


def _inside(affine: Affine, height: int, width: int, margin: float) -> torch.Tensor:
    """Where the source is at least `margin` pixels inside; a negative one: at most as far out."""
    a, b, c, d, e, f = affine
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    source_x, source_y = a * x + b * y + c, d * x + e * y + f
    from_side = torch.minimum(source_x, width - source_x)
    return torch.minimum(from_side, torch.minimum(source_y, height - source_y)) >= margin


def _rotation(degrees: float) -> Affine:
    """Output to input of a counter-clockwise turn about the centre."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = WIDTH / 2, HEIGHT / 2
    return (c, -s, x - c * x + s * y, s, c, y - s * x - c * y)


CASES: list[tuple[str, float, Affine]] = [
    *(("shear_x", s, (1, s, 0, 0, 1, 0)) for s in (-0.3, 0.11, 0.3)),
    *(("shear_y", s, (1, 0, 0, s, 1, 0)) for s in (-0.3, 0.11, 0.3)),
    *(("translate_x", s, (1, 0, s * WIDTH, 0, 1, 0)) for s in (-0.45, 0.13, 0.45)),
    *(("translate_y", s, (1, 0, 0, 0, 1, s * HEIGHT)) for s in (-0.45, 0.13, 0.45)),
    *(("rotate", s, _rotation(s)) for s in (-30.0, 7.0, 30.0, 120.0)),
]


@pytest.mark.parametrize(("op", "strength", "affine"), CASES)
def test_the_inside_is_that_of_pil(op: str, strength: float, affine: Affine) -> None:
    ours = apply(IMAGES, signed(op, strength))
    inside = _inside(affine, HEIGHT, WIDTH, 0.75).expand_as(IMAGES)
    assert int(inside.sum()) > IMAGES.numel() // 5
    assert distance(ours[inside], _pil(IMAGES, affine)[inside]) <= 1.5


@pytest.mark.parametrize(("op", "strength", "affine"), CASES)
def test_what_is_uncovered_is_filled_and_nothing_else(
    op: str, strength: float, affine: Affine
) -> None:
    white = torch.ones(1, 3, HEIGHT, WIDTH)
    out = apply(white, signed(op, strength))[0, 0]
    assert (out[_inside(affine, HEIGHT, WIDTH, 0.01)] > 0.9999).all()
    uncovered = ~_inside(affine, HEIGHT, WIDTH, -0.01)
    assert uncovered.any()
    assert (out[uncovered] == 0).all()


@pytest.mark.parametrize("degrees", [-30.0, 7.0, 30.0])
def test_rotations_turn_as_pil_does(degrees: float) -> None:
    # Image.rotate itself: its sense of direction is not taken from our own formula.
    ours = apply(IMAGES, signed("rotate", degrees))
    theirs = torch.stack(
        [
            tv.pil_to_tensor(tv.to_pil_image(image).rotate(degrees, Image.Resampling.BILINEAR))
            for image in IMAGES
        ]
    )
    inside = _inside(_rotation(degrees), HEIGHT, WIDTH, 0.75).expand_as(IMAGES)
    assert distance(ours[inside], theirs[inside]) <= 1.5


@pytest.mark.parametrize("op", ["shear_x", "shear_y"])
def test_shears_leave_the_top_left_corner(op: str) -> None:
    out = apply(IMAGES, signed(op, 0.02))
    assert distance(out[..., :1, :1], IMAGES[..., :1, :1]) < 3
    assert distance(out[..., -1, :], IMAGES[..., -1, :]) > 3


def test_flips_are_exact() -> None:
    assert distance(apply(IMAGES, {"op": "horizontal_flip"}), IMAGES.flip(3)) < 1e-3
    assert distance(apply(IMAGES, {"op": "vertical_flip"}), IMAGES.flip(2)) < 1e-3


def test_flips_after_another_movement_are_those_of_its_result() -> None:
    rotate = signed("rotate", 20)
    for op, axis in (("horizontal_flip", 3), ("vertical_flip", 2)):
        composed = apply(IMAGES, rotate, {"op": op})
        torch.testing.assert_close(composed, apply(IMAGES, rotate).flip(axis), atol=2e-4, rtol=0)


def test_quarter_turns_are_90_180_or_270_degrees_alike() -> None:
    square = smooth(1).repeat(600, 1, 1, 1)
    out = apply(square, {"op": "rotate90"})
    turns = [square.rot90(k, (2, 3)).float() / 255 for k in (1, 2, 3)]
    hits = torch.stack([(out - turn).abs().amax((1, 2, 3)) < 1e-3 for turn in turns])
    assert (hits.sum(0) == 1).all()
    assert all(0.25 < share < 0.42 for share in hits.float().mean(1).tolist())


def test_a_fill_colours_what_is_uncovered() -> None:
    stage = {**signed("translate_x", 0.5), "fill": [255, 0, 128]}
    out = apply(torch.zeros(1, 3, 8, 8), stage) * 255
    assert out[0, :, 3, -1].round().tolist() == [255, 0, 128]
    assert out[0, :, 3, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "after",
    [{"op": "horizontal_flip"}, {"op": "random_resized_crop", "scale": [1, 1], "ratio": [1, 1]}],
)
def test_a_fill_survives_operations_that_uncover_nothing(after: dict[str, object]) -> None:
    turned = {**signed("rotate", 45), "fill": [255, 255, 255]}
    alone, both = (
        apply(torch.zeros(1, 3, 16, 16), *stages) for stages in ([turned], [turned, after])
    )
    assert float(alone.sum()) > 50
    torch.testing.assert_close(alone, both)


def test_each_operation_has_its_own_fill() -> None:
    right = {**signed("translate_x", 0.25), "fill": [255, 0, 0]}
    lower = {**signed("translate_y", 0.25), "fill": [0, 255, 0]}
    out = apply(torch.zeros(1, 3, 16, 16), right, lower)[0]
    assert out[:, 2, -1].tolist() == [1, 0, 0]
    assert out[:, -1, 2].tolist() == [0, 1, 0]
    assert out[:, 2, 2].tolist() == [0, 0, 0]
    black = apply(torch.zeros(1, 3, 16, 16), right, signed("translate_y", 0.25))[0]
    assert black[:, 2, -1].tolist() == [1, 0, 0]
    assert black[:, -1, 2].tolist() == [0, 0, 0]


def test_consecutive_movements_are_resampled_once() -> None:
    # Half a turn in nine steps, resampled nine times, would be a blur.
    steps = [signed("rotate", 20)] * 9
    out = apply(smooth(2, 33, 33), *steps)
    exact = smooth(2, 33, 33).flip(2).flip(3)
    centre = (slice(None), slice(None), slice(10, 23), slice(10, 23))
    assert distance(out[centre], exact[centre]) < 0.5


def test_movements_are_carried_out_before_values_change() -> None:
    black = torch.zeros(1, 3, 8, 8)
    right, invert = signed("translate_x", 0.5), {"op": "invert"}
    assert apply(black, right, invert).tolist() == torch.ones(1, 3, 8, 8).tolist()
    assert apply(black, invert, right)[0, 0, 0].tolist() == [1] * 4 + [0] * 4
    cutout = {"op": "cutout", "strength": 1.0, "fill": [255, 255, 255]}
    covered, turned = (apply(black, *stages) for stages in ([cutout], [right, cutout]))
    assert torch.equal(covered, turned)


CROP = {"op": "random_resized_crop", "scale": [0.3, 0.6]}


def test_a_fill_changes_the_uncovered_pixels_and_nothing_else() -> None:
    turn = signed("rotate", 30)
    black, white = (apply(IMAGES, CROP, {**turn, "fill": [value] * 3}) for value in (0, 255))
    uncovered = (white - black == 1.0).all(1, keepdim=True).expand_as(black)
    assert uncovered.any()
    torch.testing.assert_close(black[~uncovered], white[~uncovered], atol=1e-6, rtol=0)


def test_a_fill_is_forgotten_once_it_has_been_applied() -> None:
    first = [{**signed("rotate", 30), "fill": [255, 0, 0]}, {"op": "invert"}]
    then = [CROP, signed("rotate", 30)]
    in_turn = apply(apply(IMAGES, *first), *then)
    torch.testing.assert_close(apply(IMAGES, *first, *then), in_turn, atol=1e-6, rtol=0)
