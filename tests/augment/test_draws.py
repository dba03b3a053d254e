"""Who draws what: images, views, steps and policies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from quarterturn.augment import RandomStreams, augment, two_views
from quarterturn.augment.kernels.mersenne import uniform
from quarterturn.policy import parse_policy
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.recipes import BASELINES, byol, moco_v2
from tests.augment.images import apply, smooth

IMAGES = smooth(8)
SAME = smooth(1).repeat(64, 1, 1, 1)
CROP: dict[str, Any] = {"op": "random_resized_crop", "scale": [0.2, 0.8]}
RANDOM: list[dict[str, Any]] = [
    CROP,
    {"op": "rotate90"},
    *(
        {"op": name, "strength": [0, info.search_limit]}
        for name, info in OPERATIONS.items()
        if info.has_strength
    ),
]


def _distinct(images: torch.Tensor) -> int:
    return len({image.numpy().tobytes() for image in images})


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_an_operation_reaches_the_stated_share_of_images(probability: float) -> None:
    pixels = torch.zeros(4000, 3, 1, 1)
    out = apply(pixels, {"op": "invert", "probability": probability})
    assert set(out.flatten().tolist()) == {0.0, 1.0}
    assert float(out[:, 0].mean()) == pytest.approx(probability, abs=0.035)  # four standard errors


@pytest.mark.parametrize("stage", RANDOM, ids=lambda stage: str(stage["op"]))
def test_images_of_a_batch_draw_differently(stage: dict[str, Any]) -> None:
    few = {"rotate90": 3, "posterize": 5}
    assert _distinct(apply(SAME, stage)) >= few.get(stage["op"], 50)


def test_probabilities_of_different_stages_are_independent() -> None:
    pixels = torch.zeros(4000, 3, 1, 1)
    invert = {"op": "invert", "probability": 0.5}
    darken = {"op": "brightness", "strength": 1, "sign": "negative", "probability": 0.5}
    assert float(apply(pixels, invert, darken).mean()) == pytest.approx(0.25, abs=0.03)
    # The same operation twice is drawn twice: undone as often as kept.
    assert float(apply(pixels, invert, invert).mean()) == pytest.approx(0.5, abs=0.035)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "none"])
def test_the_two_views_differ(name: str) -> None:
    first, second = two_views(IMAGES, BASELINES[name](), RandomStreams(0))
    assert all(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_views_of_byol_are_its_own() -> None:
    policy = byol()
    first, second = two_views(IMAGES, policy, RandomStreams(0))
    assert torch.equal(first, augment(IMAGES, policy.view(0), RandomStreams(0), view=0))
    assert torch.equal(second, augment(IMAGES, policy.view(1), RandomStreams(0), view=1))


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_draws_give_the_same_views(name: str) -> None:
    once, again = (two_views(IMAGES, BASELINES[name](), RandomStreams(5, 9)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_the_global_generator_of_torch_is_neither_used_nor_moved() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    once = augment(IMAGES, moco_v2().view(0), RandomStreams(0))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(augment(IMAGES, moco_v2().view(0), RandomStreams(0)), once)


@pytest.mark.parametrize("other", [RandomStreams(0, 1), RandomStreams(1, 0)])
def test_another_step_or_seed_draws_differently(other: RandomStreams) -> None:
    stages = moco_v2().view(0)
    assert not torch.equal(
        augment(IMAGES, stages, other), augment(IMAGES, stages, RandomStreams(0, 0))
    )


@pytest.mark.parametrize(
    "others",
    [
        [{"op": "horizontal_flip", "probability": 0.0}],
        [{"op": "brightness", "strength": [0, 0], "probability": 0.5}],
        [{"op": "gaussian_noise", "strength": 0.0}, {"op": "hue", "strength": 0.0}],
        [{"op": "sample", "count": 2, "of": [{"op": "rotate", "strength": 0}]}],
        [{"op": "one_of", "branches": [{"stages": []}, {"stages": []}]}],
        [{"op": "shuffle", "of": [{"op": "contrast", "strength": 0}], "probability": 0.5}],
    ],
)
def test_crops_are_the_same_whatever_comes_before_or_after(others: list[dict[str, Any]]) -> None:
    # The others draw, but change nothing: what remains is the crop.
    alone = apply(IMAGES, CROP)
    torch.testing.assert_close(apply(IMAGES, *others, CROP), alone, atol=1e-4, rtol=0)
    torch.testing.assert_close(apply(IMAGES, CROP, *others), alone, atol=1e-4, rtol=0)


def test_crops_are_the_same_under_operations_that_change_values() -> None:
    cropped = apply(IMAGES, CROP)
    inverted = apply(IMAGES, CROP, {"op": "invert"}, {"op": "vertical_flip"})
    torch.testing.assert_close(1 - inverted.flip(2), cropped, atol=1e-4, rtol=0)


def test_a_crop_reaches_the_same_images_and_more_at_a_larger_probability() -> None:
    few, many = (apply(SAME, {**CROP, "probability": p}) for p in (0.3, 0.7))
    same = SAME.float() / 255
    in_few, in_many = ((out != same).flatten(1).any(1) for out in (few, many))
    assert 0 < int(in_few.sum()) < int(in_many.sum()) < len(SAME)
    assert bool((in_many | ~in_few).all())
    assert torch.equal(few[in_few], many[in_few])


def test_noise_is_the_same_whichever_other_images_get_it() -> None:
    stage = {"op": "gaussian_noise", "strength": 0.1}
    some, all_of_them = (apply(SAME, {**stage, "probability": p}) for p in (0.5, 1.0))
    noisy = (some != SAME.float() / 255).flatten(1).any(1)
    assert 0 < int(noisy.sum()) < len(SAME)
    assert torch.equal(some[noisy], all_of_them[noisy])


def test_uniform_draws_fill_the_unit_interval() -> None:
    numbers = torch.from_numpy(RandomStreams(0).uniform("label", 20_000).copy())
    assert float(numbers.min()) >= 0.0
    assert float(numbers.max()) < 1.0
    at = torch.tensor([0.1, 0.5, 0.9])
    torch.testing.assert_close(numbers.quantile(at), at, atol=0.02, rtol=0)


def test_streams_of_different_labels_are_unrelated() -> None:
    draws = RandomStreams(0)
    pair = [draws.uniform(label, 5000) for label in ("a", "b")]
    assert abs(float(np.corrcoef(pair)[0, 1])) < 0.06
    assert (draws.uniform("a", 5) == RandomStreams(0).uniform("a", 5)).all()


def test_policies_of_equal_content_draw_alike_whatever_their_name() -> None:
    stages = [CROP, {"op": "hue", "strength": [0, 0.2]}]
    one, other = (parse_policy({"name": name, "views": [stages]}) for name in ("a", "b"))
    assert torch.equal(
        two_views(IMAGES, one, RandomStreams(0))[1], two_views(IMAGES, other, RandomStreams(0))[1]
    )


def test_compiled_numbers_are_those_of_torch() -> None:
    for seed in (0, 5489, 2**32 - 1, 2**63 - 1, 123456789123456789):
        for count in (1, 5, 623, 624, 625, 5000):
            out = np.empty(count, np.float32)
            uniform(seed, out)
            generator = torch.Generator().manual_seed(seed)
            assert np.array_equal(out, torch.rand(count, generator=generator).numpy())


def test_the_numbers_of_both_views_are_those_of_each() -> None:
    streams = RandomStreams(3, 4)
    both = streams.both.uniform("0/crop", 10, 4)
    assert np.array_equal(both[:5], streams.uniform("0/crop", 5, 4))
    assert np.array_equal(both[5:], streams.uniform("1/crop", 5, 4))


def test_numbers_that_are_drawn_cannot_be_changed() -> None:
    one = RandomStreams(0)
    drawn = one.uniform("a", 3)
    assert one.uniform("a", 3) is drawn
    with pytest.raises(ValueError, match="read-only"):
        drawn[0] = 0.5
