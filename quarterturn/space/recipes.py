"""The space of recipes: every policy that has one stage, or none, in each slot."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from quarterturn.policy.excluding import exclude_operations
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import Policy
from quarterturn.policy.slots import SLOTS, Change, Slot, apply_change, list_changes, slots_of
from quarterturn.space.schema import RecipesSpace

#: All operations that any policy may use.
_ALL = ("random_resized_crop", *OPERATIONS)


def excluded_from(space: RecipesSpace) -> tuple[str, ...]:
    """The operations that no policy of the space uses."""
    return tuple(name for name in _ALL if name not in space.operations)


def open_slots(space: RecipesSpace) -> list[Slot]:
    """The slots that something may stand in."""
    return [slot for slot in SLOTS if set(slot.operations) & set(space.operations)]


def build_recipe(space: RecipesSpace, levels: Mapping[str, str | None], name: str = "") -> Policy:
    """The policy with these levels, by slot; what is not named is empty."""
    policy = Policy(name="none", views=[[]])
    for slot in open_slots(space):
        level = levels.get(slot.name)
        if level is not None:
            policy = apply_change(policy, Change(slot.name, level))
    policy = exclude_operations(policy, excluded_from(space))
    return policy.model_copy(update={"name": name}) if name else policy


def draw_recipe(space: RecipesSpace, generator: random.Random) -> Policy:
    """One policy; each slot is empty with probability 1/2."""
    levels = {
        slot.name: generator.choice(list(slot.levels))
        for slot in open_slots(space)
        if generator.random() < 0.5
    }
    return build_recipe(space, levels)


def count_recipes(space: RecipesSpace) -> int:
    """How many policies there are."""
    return math.prod(1 + len(slot.levels) for slot in open_slots(space))


def enumerate_recipes(space: RecipesSpace) -> Iterator[Policy]:
    """All policies, those of few operations first within each slot."""

    def extend(slots: list[Slot], levels: dict[str, str | None]) -> Iterator[Policy]:
        if not slots:
            yield build_recipe(space, levels)
            return
        for level in (None, *slots[0].levels):
            yield from extend(slots[1:], {**levels, slots[0].name: level})

    yield from extend(open_slots(space), {})


def neighbors(space: RecipesSpace, policy: Policy) -> Iterator[tuple[Change, Policy]]:
    """All policies of the space that differ from one in a single slot; none for a policy without
    slots.
    """
    excluded = excluded_from(space)
    start = exclude_operations(policy, excluded)
    if slots_of(start) is None:
        return
    for change in list_changes(start, excluded):
        changed = exclude_operations(apply_change(start, change), excluded)
        if changed.digest != start.digest:
            yield change, changed
