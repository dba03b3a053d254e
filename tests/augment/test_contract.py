"""What holds for every policy: range, shape, and images left alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.augment import RandomStreams, augment, two_views
from quarterturn.policy import Policy
from quarterturn.policy.levels import operation_at
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import apply, smooth
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies


def _is_image_batch(out: torch.Tensor, like: torch.Tensor) -> bool:
    assert out.shape == like.shape
    assert out.dtype == torch.float32
    assert torch.isfinite(out).all()
    assert float(out.min()) >= 0.0
    assert float(out.max()) <= 1.0
    return out.is_contiguous()


@pytest.mark.parametrize("size", [(32, 32), (24, 40), (17, 9)])
@pytest.mark.parametrize("name", RECIPES)
def test_recipes_turn_images_into_images(name: str, size: tuple[int, int]) -> None:
    for count in (1, 2, 3):
        images = smooth(count, *size, seed=count)
        for view in two_views(images, RECIPES[name], RandomStreams(0)):
            assert _is_image_batch(view, images)


@given(policy=policies, seed=st.integers(0, 2**62), floating=st.booleans())
@settings(max_examples=50, deadline=None)
def test_any_policy_turns_images_into_images(policy: Policy, seed: int, floating: bool) -> None:
    images = smooth(3, 12, 20)
    given_images = images.float() / 255 if floating else images
    for view in two_views(given_images, policy, RandomStreams(seed)):
        assert _is_image_batch(view, images)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_images_given_are_not_modified(name: str, dtype: torch.dtype) -> None:
    images = smooth(4) if dtype == torch.uint8 else smooth(4).float() / 255
    before = images.clone()
    views = two_views(images, RECIPES[name], RandomStreams(0))
    assert torch.equal(images, before)
    for view in views:
        view.zero_()
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", RECIPES)
def test_bytes_and_floats_give_the_same_views(name: str) -> None:
    images = smooth(4, 24, 40)
    stages = RECIPES[name].view(0)
    as_bytes = augment(images, stages, RandomStreams(0))
    as_floats = augment(images.float() / 255, stages, RandomStreams(0))
    # A value within rounding of a threshold of `equalize` or `solarize` may fall to the other side.
    assert float(((as_bytes - as_floats).abs() > 1e-5).float().mean()) < 1e-3


def test_images_with_another_memory_layout_give_the_same_views() -> None:
    images = smooth(4, 24, 40)
    stages = RECIPES["moco_v2"].view(0)
    channels_last = images.to(memory_format=torch.channels_last)
    assert torch.equal(
        augment(channels_last, stages, RandomStreams(0)), augment(images, stages, RandomStreams(0))
    )


@pytest.mark.parametrize("name", RECIPES)
def test_a_batch_of_no_images_stays_empty(name: str) -> None:
    assert augment(smooth(1)[:0], RECIPES[name].view(0), RandomStreams(0)).shape == (0, 3, 32, 32)


def test_no_augmentation_is_the_image_itself() -> None:
    images = smooth(3)
    for view in two_views(images, RECIPES["none"], RandomStreams(0)):
        assert torch.equal(view, images.float() / 255)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("op", OPERATIONS)
def test_rounding_does_not_pass_black_and_white(op: str, value: float) -> None:
    images = torch.full((16, 3, 23, 31), value)
    out = apply(images, operation_at(op, 0.77).model_dump(), {"op": "rotate", "strength": 13})
    assert _is_image_batch(out, images)
