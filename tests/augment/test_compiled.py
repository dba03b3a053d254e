"""The compiled kernels against the reference in plain torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.augment import Draws, augment, compiled, eager
from quarterturn.augment.drawing import draw_table
from quarterturn.augment.finish import Normalisation
from quarterturn.augment.kernels import KERNEL_CODES
from quarterturn.augment.sampling import draw_program
from quarterturn.augment.tables import EXECUTED
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

SIZES = [(32, 32), (24, 40), (9, 17), (2, 3), (1, 1)]


def _far(images: torch.Tensor, policy: Policy, seed: int = 0) -> float:
    """The share of values that differ by more than rounding."""
    stages = policy.view(0)
    steps = draw_program(stages, Draws(seed), len(images), *images.shape[2:])
    table = draw_table(stages, Draws(seed), len(images), *images.shape[2:])
    ours = compiled.execute(table, images)
    reference = eager.execute(steps, images, Draws(seed))
    return float(((ours - reference).abs() > 2e-5).float().mean())


def test_every_code_of_a_program_has_a_kernel() -> None:
    assert set(EXECUTED) == set(KERNEL_CODES)


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
def test_normalising_on_the_way_is_normalising_afterwards(name: str) -> None:
    images = smooth(20)
    by = Normalisation(torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1) + 0.1)
    stages = RECIPES[name].view(0)
    done = augment(images, stages, Draws(1), normalisation=by)
    assert done.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(done, by(augment(images, stages, Draws(1))), atol=1e-4, rtol=1e-5)


def test_threads_change_nothing() -> None:
    images, stages = smooth(70), RECIPES["moco_v2"].view(0)
    alone = augment(images, stages, Draws(0))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(augment(images, stages, Draws(0)), alone)
    finally:
        torch.set_num_threads(before)


def test_without_numba_the_reference_does_it() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "import torch\n"
        "from quarterturn.augment import Draws, augment\n"
        "from quarterturn.augment.numba_support import has_numba\n"
        "from quarterturn.policy.recipes import moco_v2\n"
        "images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)\n"
        "augment(images, moco_v2().view(0), Draws(0))\n"
        "assert not has_numba()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
