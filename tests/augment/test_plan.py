"""Plans as they are sampled by compiled code and by the oracle in numpy: the same, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.augment import PackedPlan, RandomStreams, layout
from quarterturn.augment.ops.registry import CODES
from quarterturn.augment.packed_plan import join
from quarterturn.augment.plan import sample_plan
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.oracle import OpStep, sample_steps
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

_NAMES = {code: name for name, code in CODES.items()}


def _steps(plan: PackedPlan, image: int) -> list[OpStep]:
    """Of one image, with the numbers that the operation reads."""
    found = []
    for row in plan.rows[image]:
        if row[layout.OP] == 0:
            continue
        name = _NAMES[int(row[layout.OP])]
        step = OpStep(name)
        if name in ("resample", "cutout"):
            step.fill = row[layout.FILL : layout.FILL + 3]
        if name == "resample":
            step.map = row[layout.MAP : layout.MAP + 6].reshape(2, 3)
        elif OPERATIONS[name].has_strength:
            step.strength = float(row[layout.STRENGTH])
        if name == "cutout":
            step.uniform = row[layout.UNIFORM : layout.UNIFORM + 2]
        if name == "gaussian_noise":
            step.noise = plan.noise[int(row[layout.NOISE])][0].label
        found.append(step)
    return found


def _assert_alike(ours: OpStep, expected: OpStep) -> None:
    assert ours.name == expected.name
    for name in ("strength", "map", "fill", "uniform"):
        mine, other = getattr(ours, name), getattr(expected, name)
        if mine is not None:
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-3, err_msg=ours.name)
    if ours.noise:
        assert ours.noise == expected.noise


def _assert_sampled_alike(
    policy: Policy, seed: int, size: tuple[int, int], count: int = 24
) -> None:
    stages = policy.view(0)
    plan = sample_plan(stages, RandomStreams(seed), count, *size)
    expected = sample_steps(stages, RandomStreams(seed), count, *size)
    for image in range(count):
        ours = _steps(plan, image)
        assert len(ours) == len(expected[image])
        for mine, other in zip(ours, expected[image], strict=True):
            _assert_alike(mine, other)


@given(
    policy=policies,
    seed=st.integers(0, 2**62),
    size=st.sampled_from([(32, 32), (24, 40), (2, 3)]),
)
@settings(max_examples=60, deadline=None)
def test_any_policy_is_sampled_as_the_oracle_does(
    policy: Policy, seed: int, size: tuple[int, int]
) -> None:
    _assert_sampled_alike(policy, seed, size)


@pytest.mark.parametrize("name", RECIPES)
def test_so_are_recipes(name: str) -> None:
    _assert_sampled_alike(RECIPES[name], 3, (32, 32), count=200)


def test_other_fills_and_flips_by_themselves_are_sampled_alike() -> None:
    moves = [
        {"op": "horizontal_flip", "probability": 0.5},
        {"op": "rotate", "strength": [5, 30], "fill": [9, 9, 9], "probability": 0.5},
        {"op": "vertical_flip", "probability": 0.5},
        {"op": "shear_x", "strength": 0.2, "fill": [200, 0, 0], "probability": 0.5},
        {"op": "random_resized_crop", "ratio": [3.0, 3.0], "scale": [0.9, 1.0]},
        {"op": "rotate90", "probability": 0.5},
    ]
    _assert_sampled_alike(parse_policy({"views": [moves]}), 0, (32, 20), count=300)


def test_there_is_room_for_many_steps() -> None:
    stages = [{"op": "rotate", "strength": 10}, {"op": "invert"}] * 30
    _assert_sampled_alike(parse_policy({"views": [stages]}), 0, (8, 8), count=3)


def test_every_operation_has_a_code_of_its_own_and_none_is_that_of_nothing() -> None:
    assert set(CODES) == {"resample", "random_resized_crop", *OPERATIONS}
    assert len({*CODES.values(), 0}) == len(CODES) + 1


def test_joined_plans_keep_the_steps_of_each() -> None:
    plans = [
        sample_plan(RECIPES[name].view(0), RandomStreams(seed), 4, 32, 32)
        for seed, name in enumerate(("moco_v2", "none", "selfaugment"))
    ]
    whole = join(plans)
    for place, plan in enumerate(plans):
        for image in range(4):
            ours, alone = _steps(whole, 4 * place + image), _steps(plan, image)
            assert len(ours) == len(alone)
            for mine, other in zip(ours, alone, strict=True):
                _assert_alike(mine, other)
