"""Policies that every test of this folder goes through."""

from __future__ import annotations

import random

from quarterturn.policy.operations import SELFAUGMENT_OPERATIONS
from quarterturn.policy.recipes import BASELINES, byol, selfaugment
from quarterturn.policy.schema import Policy


def large_selfaugment() -> Policy:
    """A SelfAugment policy of 500 sub-policies of two operations, as the papers merge them."""
    generator = random.Random(7)
    return selfaugment(
        [
            [
                (generator.choice(SELFAUGMENT_OPERATIONS), generator.random(), generator.random())
                for _ in range(2)
            ]
            for _ in range(500)
        ]
    )


RECIPES: dict[str, Policy] = {
    **{name: recipe() for name, recipe in BASELINES.items()},
    "byol": byol(),
    "selfaugment": large_selfaugment(),
}
