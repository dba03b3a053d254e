"""Policies as slots: every change of one slot is that change and nothing else."""

from __future__ import annotations

import pytest

from quarterturn.policy.excluding import exclude_operations, operations_of
from quarterturn.policy.portfolio import find_recipe, make_portfolio
from quarterturn.policy.recipes import BASELINES, byol, selfaugment
from quarterturn.policy.schema import Policy
from quarterturn.policy.slots import apply_change, list_changes, name_slots, slots_of

RECIPES = [*(make() for make in BASELINES.values()), *make_portfolio()]


@pytest.mark.parametrize("policy", RECIPES, ids=lambda policy: policy.name)
def test_a_change_changes_one_slot(policy: Policy) -> None:
    before = slots_of(policy)
    assert before is not None
    changes = list_changes(policy)
    assert len(set(map(str, changes))) == len(changes)
    for change in changes:
        changed = apply_change(policy, change)
        after = slots_of(changed)
        assert after is not None
        expected = {**before}
        expected.pop(change.slot, None)
        if change.level is not None:
            expected[change.slot] = change.level
        assert after == expected, str(change)
        assert changed.digest != policy.digest
        assert changed.name == name_slots(after)


def test_a_change_and_its_reverse_are_the_same_policy() -> None:
    crop_flip = find_recipe("crop_flip")
    (change,) = [c for c in list_changes(crop_flip) if str(c) == "equalize"]
    changed = apply_change(crop_flip, change)
    assert changed.digest == find_recipe("crop + equalize").digest
    (back,) = [c for c in list_changes(changed) if str(c) == "no equalize"]
    assert apply_change(changed, back).digest == crop_flip.digest


def test_policies_without_a_crop_are_one_change_away() -> None:
    names = {str(change) for change in list_changes(find_recipe("moco_v2"))}
    assert {"no crop", "no jitter", "no grayscale", "vertical flip"} <= names


def test_policies_of_sub_policies_and_of_two_views_have_no_slots() -> None:
    branches = selfaugment([[("rotate", 0.5, 0.5)], [("invert", 0.5, 0.5)]])
    assert slots_of(branches) is None
    assert list_changes(branches) == []
    assert slots_of(byol()) is None


@pytest.mark.parametrize("policy", RECIPES, ids=lambda policy: policy.name)
def test_what_is_excluded_is_gone_and_the_rest_stays(policy: Policy) -> None:
    excluded = ("hue", "grayscale", "random_resized_crop")
    stripped = exclude_operations(policy, excluded)
    used = operations_of(policy)
    assert operations_of(stripped) == used - set(excluded)
    if used & set(excluded):
        assert all((name in stripped.name) == (name in used) for name in excluded)
    else:
        assert stripped is policy


def test_excluded_operations_are_in_no_change() -> None:
    excluded = ("gaussian_blur", *("brightness", "contrast", "saturation", "hue"))
    slots = {c.slot for c in list_changes(find_recipe("crop_flip"), excluded)}
    assert "blur" not in slots
    assert "jitter" not in slots
    assert "grayscale" in slots
