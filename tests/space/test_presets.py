"""The presets say what the papers searched."""

from __future__ import annotations

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.policy.operations import SELFAUGMENT_OPERATIONS
from quarterturn.space import PRESETS, count_candidates, parse_space, space_warnings
from quarterturn.space.schema import RandAugmentSpace, SingleOperationSpace, SubPolicySpace


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_valid_under_its_own_name(name: str) -> None:
    assert parse_space(name).name == name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_same_after_json(name: str) -> None:
    space = parse_space(name)
    assert parse_space(space.model_dump(mode="json")) == space


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_confounds_the_score(name: str) -> None:
    assert space_warnings(parse_space(name)) == []


def test_single_operation_is_the_base_study_of_selfaugment() -> None:
    space = parse_space("single-operation")
    assert isinstance(space, SingleOperationSpace)
    assert [item.op for item in space.operations] == [
        "random_resized_crop",
        *SELFAUGMENT_OPERATIONS,
    ]
    assert (space.base, space.draw) == ("flip", "up_to")
    assert space.operations[0].strength == 0.8


def test_rand_augment_is_a_grid_of_count_and_magnitude() -> None:
    space = parse_space("rand-augment")
    assert isinstance(space, RandAugmentSpace)
    assert space.count == [1, 2, 3]
    assert count_candidates(space) == 15


def test_selfaugment_has_five_sub_policies_of_two_operations_on_crop_and_flip() -> None:
    space = parse_space("selfaugment")
    assert isinstance(space, SubPolicySpace)
    assert (space.sub_policies, space.operations_per_sub_policy) == (5, 2)
    assert space.base == "crop_flip"
    assert count_candidates(space) is None


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_space("randaugment")
    assert caught.value.code == "invalid_search_space"
    assert caught.value.fields[0]["allowed"] == list(PRESETS)
    assert all(name in caught.value.message for name in PRESETS)
