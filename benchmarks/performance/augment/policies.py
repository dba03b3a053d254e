"""What is timed: each operation by itself, and five whole policies."""

from __future__ import annotations

import random

from quarterturn.policy.operations import OPERATIONS, SELFAUGMENT_OPERATIONS
from quarterturn.policy.recipes import crop_flip, moco_v2, rand_augment, selfaugment, simclr
from quarterturn.policy.schema import Operation, Policy, RandomResizedCrop, Stage


def _five_hundred() -> Policy:
    """A SelfAugment policy: 500 sub-policies of two operations, as its search ends with."""
    source = random.Random(0)
    return selfaugment(
        [
            [(source.choice(SELFAUGMENT_OPERATIONS), source.random(), source.random())] * 2
            for _ in range(500)
        ]
    )


#: The claims are about these.
WHOLE: dict[str, Policy] = {
    "crop + flip": crop_flip(),
    "MoCo v2": moco_v2(),
    "SimCLR": simclr(),
    "RandAugment(2, 9)": rand_augment(),
    "SelfAugment, 500": _five_hundred(),
}


def single() -> dict[str, Policy]:
    """Each operation, on every image, with a strength of its own up to that of searches."""
    found: dict[str, Policy] = {}
    stages: list[Stage] = [RandomResizedCrop(op="random_resized_crop", scale=(0.2, 1.0))]
    for name, info in OPERATIONS.items():
        strength = (0.0, info.search_limit) if info.has_strength else None
        stages.append(
            Operation.model_validate(
                {"op": name, "strength": strength, "sign": "random" if info.signed else None}
            )
        )
    for stage in stages:
        found[stage.op] = Policy(name=stage.op, views=[[stage]])
    return found
