"""The kernels of GPUs against the reference in plain torch: on a GPU as they are compiled for it,
elsewhere by Triton's interpreter (tests/conftest.py), which carries out what they say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.augment import RandomStreams, layout
from quarterturn.augment.backends import torch_ref, triton_gpu
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.ops.registry import CODES
from quarterturn.augment.packed_plan import PackedPlan
from quarterturn.augment.plan import sample_plan
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

pytest.importorskip("triton", reason="Triton, which comes with torch for Linux, is not installed")

from quarterturn.augment.backends.triton_kernel import STEPS

SIZES = [(32, 32), (24, 40), (9, 17), (2, 3), (1, 1)]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _far(images: torch.Tensor, policy: Policy, seed: int = 0) -> float:
    """The share of values that differ by more than rounding."""
    images = images.to(DEVICE)
    streams = RandomStreams(seed, device=DEVICE)
    plan = sample_plan(policy.view(0), streams, len(images), *images.shape[2:])
    ours, reference = triton_gpu.execute(plan, images), torch_ref.execute(plan, images)
    return float(((ours - reference).abs() > 1e-4).float().mean())


def _whole_range(op: str) -> Policy:
    info = OPERATIONS[op]
    stage = {"op": op, "strength": [0, info.limit]} if info.has_strength else {"op": op}
    return parse_policy({"views": [[stage]]})


@pytest.mark.parametrize("op", OPERATIONS)
def test_each_operation_is_that_of_the_reference(op: str) -> None:
    for size in SIZES:
        images = smooth(4, *size)
        assert _far(images, _whole_range(op)) < 0.002, size
        assert _far(images.float() / 255, _whole_range(op)) < 0.002, size


@given(policy=policies, seed=st.integers(0, 2**62), size=st.sampled_from(SIZES))
@settings(max_examples=8, deadline=None)
def test_so_is_any_policy(policy: Policy, seed: int, size: tuple[int, int]) -> None:
    # A value at a threshold may fall to the other side, and what follows may spread it.
    assert _far(smooth(6, *size, seed=seed % 1000), policy, seed) < 0.02


def test_images_of_several_parts_are_those_of_one() -> None:
    every = [
        {"op": op, "probability": 0.5} for op, info in OPERATIONS.items() if not info.has_strength
    ]
    blur = {"op": "gaussian_blur", "strength": [0.5, 2]}
    policy = parse_policy({"views": [[{"op": "shuffle", "of": every}, blur]]})
    assert _far(smooth(2, 40, 56), policy) < 0.002


@pytest.mark.parametrize("name", ["moco_v2", "none"])
def test_normalised_and_taken_several_times(name: str) -> None:
    images = smooth(5).to(DEVICE)
    by = Normalization(
        torch.rand(1, 3, 1, 1, device=DEVICE), torch.rand(1, 3, 1, 1, device=DEVICE) + 0.1
    )
    plan = sample_plan(RECIPES[name].view(0), RandomStreams(1, device=DEVICE), 10, 32, 32)
    done = triton_gpu.execute(plan, images, by, times=2)
    assert done.is_contiguous(memory_format=torch.channels_last)
    reference = torch_ref.execute(plan, images, by, times=2)
    torch.testing.assert_close(done, reference, atol=1e-4, rtol=1e-4)


def test_a_batch_of_no_images_stays_empty() -> None:
    images = smooth(1)[:0].to(DEVICE)
    plan = sample_plan(RECIPES["moco_v2"].view(0), RandomStreams(0), 0, 32, 32)
    assert triton_gpu.execute(plan, images).shape == (0, 3, 32, 32)


def test_few_blocks_carry_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    images, policy = smooth(7), RECIPES["simclr"]
    monkeypatch.setattr(triton_gpu, "_multiprocessors", lambda _: 3)
    monkeypatch.setattr(triton_gpu, "_MAX_BYTES", 1)
    assert _far(images, policy) < 0.002


def test_their_own_trial_has_every_operation_and_passes() -> None:
    for side in triton_gpu._TRIED_SIZES:
        plan, _ = triton_gpu._trial(side, RandomStreams(0, device=DEVICE))
        assert set(plan.rows[:, :, layout.OP].flatten()) == {CODES[name] for name in STEPS}
    assert triton_gpu._measure_unlike(DEVICE) < triton_gpu._MAX_UNLIKE / 10
    if DEVICE.type == "cuda":
        assert triton_gpu.is_available(DEVICE)


@pytest.fixture
def nothing_known() -> Iterator[None]:
    triton_gpu.is_available.cache_clear()
    yield
    triton_gpu.is_available.cache_clear()


@pytest.mark.usefixtures("nothing_known")
def test_kernels_that_go_wrong_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert not triton_gpu.is_available(torch.device("cpu"))

    def fails(_: torch.device) -> float:
        raise RuntimeError("no C compiler")

    for number, unlike in enumerate((fails, lambda _: 0.3)):
        monkeypatch.setattr(triton_gpu, "_measure_unlike", unlike)
        assert not triton_gpu.is_available(torch.device("cuda", number))
    assert "no C compiler" in caplog.text
    assert "0.3 of their values differ" in caplog.text
    monkeypatch.setattr(triton_gpu, "_measure_unlike", lambda _: 0.0)
    assert triton_gpu.is_available(torch.device("cuda", 2))


def test_a_wrong_kernel_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = triton_gpu.execute

    def wrong(plan: PackedPlan, *others: Any) -> torch.Tensor:
        rows = plan.rows.copy()
        rows[rows[..., layout.OP] == CODES["hue"], layout.OP] = 0
        return right(replace(plan, rows=rows), *others)

    monkeypatch.setattr(triton_gpu, "execute", wrong)
    assert triton_gpu._measure_unlike(DEVICE) > triton_gpu._MAX_UNLIKE
