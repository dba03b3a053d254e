"""The kernels of CPUs against the reference in plain torch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.augment import RandomStreams, augment
from quarterturn.augment.backends import numba_cpu, torch_ref
from quarterturn.augment.backends.numba_kernel import STEPS
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.plan import sample_plan
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

SIZES = [(32, 32), (24, 40), (9, 17), (2, 3), (1, 1)]


def _far(images: torch.Tensor, policy: Policy, seed: int = 0) -> float:
    """The share of values that differ by more than rounding."""
    plan = sample_plan(policy.view(0), RandomStreams(seed), len(images), *images.shape[2:])
    ours, reference = numba_cpu.execute(plan, images), torch_ref.execute(plan, images)
    return float(((ours - reference).abs() > 2e-5).float().mean())


def test_every_operation_of_the_library_has_a_kernel() -> None:
    flips = {"horizontal_flip", "vertical_flip"}
    on_values = {name for name, info in OPERATIONS.items() if not info.geometric}
    assert set(STEPS) == {"resample"} | flips | on_values


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("op", OPERATIONS)
def test_each_operation_is_that_of_the_reference(op: str, size: tuple[int, int]) -> None:
    info = OPERATIONS[op]
    stage = {"op": op, "strength": [0, info.limit]} if info.has_strength else {"op": op}
    images = smooth(40, *size)
    assert _far(images, parse_policy({"views": [[stage]]})) == 0.0
    assert _far(images.float() / 255, parse_policy({"views": [[stage]]})) == 0.0


@given(policy=policies, seed=st.integers(0, 2**62), size=st.sampled_from(SIZES))
@settings(max_examples=60, deadline=None)
def test_so_is_any_policy(policy: Policy, seed: int, size: tuple[int, int]) -> None:
    # A value at a threshold (of solarize, equalize, posterize, a hard edge) may fall to the other
    # side, and what follows may spread it.
    assert _far(smooth(24, *size, seed=seed % 1000), policy, seed) < 0.02


@pytest.mark.parametrize("name", ["moco_v2", "none"])
def test_normalizing_on_the_way_is_normalizing_afterwards(name: str) -> None:
    images = smooth(20)
    by = Normalization(torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1) + 0.1)
    stages = RECIPES[name].view(0)
    done = augment(images, stages, RandomStreams(1), normalization=by)
    assert done.is_contiguous(memory_format=torch.channels_last)
    plain = augment(images, stages, RandomStreams(1))
    torch.testing.assert_close(done, by(plain), atol=1e-4, rtol=1e-5)


def test_threads_change_nothing() -> None:
    images, stages = smooth(70), RECIPES["moco_v2"].view(0)
    alone = augment(images, stages, RandomStreams(0))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(augment(images, stages, RandomStreams(0)), alone)
    finally:
        torch.set_num_threads(before)
