"""Recipes carry the parameters of their papers."""

from __future__ import annotations

import pytest

from quarterturn.policy import policy_json_schema
from quarterturn.policy.operations import OPERATIONS, SELFAUGMENT_OPERATIONS
from quarterturn.policy.recipes import BASELINES, rand_augment, selfaugment, trivial_augment
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)
from tests.policy.examples import RECIPES


def _only(name: str) -> list[Stage]:
    (view,) = RECIPES[name].views
    return list(view)


def _is_crop(stage: Stage, smallest: float) -> bool:
    assert isinstance(stage, RandomResizedCrop)
    assert stage.ratio == (3 / 4, 4 / 3)
    return stage.scale == (smallest, 1.0) and stage.probability == 1.0


def _jitter(stage: Stage) -> dict[str, float]:
    assert isinstance(stage, Shuffle)
    assert stage.probability == 0.8
    found: dict[str, float] = {}
    for leaf in stage.of:
        assert isinstance(leaf, Operation)
        assert (leaf.low, leaf.sign, leaf.probability) == (0.0, "random", 1.0)
        found[leaf.op] = leaf.high
    return found


FLIP = Operation(op="horizontal_flip", probability=0.5)
GRAY = Operation(op="grayscale", probability=0.2)


def _blur(probability: float) -> Operation:
    return Operation(op="gaussian_blur", probability=probability, strength=(0.1, 2.0))


def test_none_does_nothing() -> None:
    assert _only("none") == []


def test_crop_flip_is_the_base_augmentation_of_selfaugment() -> None:
    crop, flip = _only("crop_flip")
    assert _is_crop(crop, 0.2)
    assert flip == FLIP


def test_moco_v2_has_the_reference_parameters() -> None:
    crop, jitter, gray, blur, flip = _only("moco_v2")
    assert _is_crop(crop, 0.2)
    assert _jitter(jitter) == {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
    assert [gray, blur, flip] == [GRAY, _blur(0.5), FLIP]


def test_simclr_has_strength_one() -> None:
    crop, flip, jitter, gray, blur = _only("simclr")
    assert _is_crop(crop, 0.08)
    assert _jitter(jitter) == {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2}
    assert [flip, gray, blur] == [FLIP, GRAY, _blur(0.5)]


def test_byol_blurs_and_solarizes_its_views_differently() -> None:
    first, second = RECIPES["byol"].views
    assert first[:4] == second[:4]
    assert _is_crop(first[0], 0.08)
    assert _jitter(first[2]) == {"brightness": 0.4, "contrast": 0.4, "saturation": 0.2, "hue": 0.1}
    solarize = Operation(op="solarize", probability=0.2, strength=(0.5, 0.5))
    assert first[4:] == [_blur(1.0)]
    assert second[4:] == [_blur(0.1), solarize]


def _sampled(stages: list[Stage]) -> Sample:
    crop, flip, sample = stages
    assert _is_crop(crop, 0.2)
    assert flip == FLIP
    assert isinstance(sample, Sample)
    return sample


def test_rand_augment_draws_n_of_14_with_replacement_at_one_magnitude() -> None:
    sample = _sampled(rand_augment(3, 15.0).views[0])
    assert (sample.count, sample.replace, len(sample.of)) == (3, True, 14)
    for leaf in sample.of[1:]:
        assert isinstance(leaf, Operation)
        assert leaf.probability == 1.0
        assert leaf.low == leaf.high == OPERATIONS[leaf.op].search_limit / 2


def test_rand_augment_is_stronger_at_a_larger_magnitude() -> None:
    weak, strong = (_sampled(rand_augment(2, m).views[0]) for m in (5.0, 25.0))
    for less, more in zip(weak.of, strong.of, strict=True):
        assert isinstance(less, Operation)
        assert isinstance(more, Operation)
        assert less.op == more.op
        assert less.high < more.high or more.high == 0.0


def test_trivial_augment_draws_one_operation_over_its_whole_range() -> None:
    sample = _sampled(trivial_augment().views[0])
    assert sample.count == 1
    for leaf in sample.of[1:]:
        assert isinstance(leaf, Operation)
        assert (leaf.low, leaf.high) == (0.0, OPERATIONS[leaf.op].search_limit)


@pytest.mark.parametrize("name", ["rand_augment", "trivial_augment"])
def test_drawn_recipes_can_draw_the_identity(name: str) -> None:
    identity = _sampled(_only(name)).of[0]
    assert isinstance(identity, Operation)
    assert identity.high == 0.0


def test_selfaugment_applies_the_sub_policy_before_crop_and_flip() -> None:
    (stages,) = selfaugment([[("invert", 0.3, 0.5), ("solarize", 0.7, 0.25)]]).views
    one_of, crop, flip = stages
    assert isinstance(one_of, OneOf)
    assert one_of.branches[0].stages == [
        Operation(op="invert", probability=0.3),
        Operation(op="solarize", probability=0.7, strength=(0.75, 0.75)),
    ]
    assert _is_crop(crop, 0.2)
    assert flip == FLIP


def test_cutouts_are_grey_and_everything_else_is_filled_with_black() -> None:
    assert Operation(op="cutout", strength=(0.1, 0.1)).fill_color == (125, 123, 114)
    assert Operation(op="rotate", strength=(0.1, 0.1)).fill_color == (0, 0, 0)


def test_black_can_be_asked_of_a_cutout() -> None:
    assert Operation(op="cutout", strength=(0.1, 0.1), fill=(0, 0, 0)).fill_color == (0, 0, 0)


def test_the_schema_knows_exactly_the_operations_of_the_table() -> None:
    defined = policy_json_schema()["$defs"]["Operation"]["properties"]["op"]
    assert defined["enum"] == list(OPERATIONS)
    assert len(SELFAUGMENT_OPERATIONS) == 15


def test_search_limits_stay_within_the_limits() -> None:
    for info in OPERATIONS.values():
        assert 0.0 <= info.search_limit <= info.limit
        assert (info.search_limit > 0) == info.has_strength


def test_names_of_baselines_are_distinct() -> None:
    assert len({recipe().name for recipe in BASELINES.values()}) == len(BASELINES)
