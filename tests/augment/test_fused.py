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

from quarterturn.augment import Draws, eager, fused
from quarterturn.augment.finish import Normalisation
from quarterturn.augment.sampling import draw_program
from quarterturn.augment.table import Table, table_of
from quarterturn.augment.tables import CODES, EXECUTED
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.policy.examples import RECIPES
from tests.policy.strategies import policies

pytest.importorskip("triton", reason="Triton, which comes with torch for Linux, is not installed")

SIZES = [(32, 32), (24, 40), (9, 17), (2, 3), (1, 1)]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _far(images: torch.Tensor, policy: Policy, seed: int = 0) -> float:
    """The share of values that differ by more than rounding."""
    images = images.to(DEVICE)
    steps = draw_program(policy.view(0), Draws(seed), len(images), *images.shape[2:])
    draws = Draws(seed, device=DEVICE)
    ours = fused.execute(table_of(steps, len(images), draws), images)
    reference = eager.execute(steps, images, draws)
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
    by = Normalisation(
        torch.rand(1, 3, 1, 1, device=DEVICE), torch.rand(1, 3, 1, 1, device=DEVICE) + 0.1
    )
    steps = draw_program(RECIPES[name].view(0), Draws(1), 10, 32, 32)
    done = fused.execute(table_of(steps, 10, Draws(1)), images, by, times=2)
    assert done.is_contiguous(memory_format=torch.channels_last)
    reference = by(eager.execute(steps, torch.cat([images, images]), Draws(1)))
    torch.testing.assert_close(done, reference, atol=1e-4, rtol=1e-4)


def test_a_batch_of_no_images_stays_empty() -> None:
    images = smooth(1)[:0].to(DEVICE)
    steps = draw_program(RECIPES["moco_v2"].view(0), Draws(0), 0, 32, 32)
    assert fused.execute(table_of(steps, 0, Draws(0)), images).shape == (0, 3, 32, 32)


def test_few_blocks_carry_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    images, policy = smooth(7), RECIPES["simclr"]
    monkeypatch.setattr(fused, "_multiprocessors", lambda _: 3)
    monkeypatch.setattr(fused, "_MOST_BYTES", 1)
    assert _far(images, policy) < 0.002


def test_their_own_trial_has_every_operation_and_passes() -> None:
    for side in fused._TRIED_SIZES:
        steps, _ = fused._trial(side)
        assert {code for step in steps for code in step.op} == {CODES[name] for name in EXECUTED}
    assert fused._unlike(DEVICE) < fused._UNLIKE / 10
    if DEVICE.type == "cuda":
        assert fused.available(DEVICE)


@pytest.fixture
def nothing_known() -> Iterator[None]:
    fused.available.cache_clear()
    yield
    fused.available.cache_clear()


@pytest.mark.usefixtures("nothing_known")
def test_kernels_that_go_wrong_are_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert not fused.available(torch.device("cpu"))

    def fails(_: torch.device) -> float:
        raise RuntimeError("no C compiler")

    for number, unlike in enumerate((fails, lambda _: 0.3)):
        monkeypatch.setattr(fused, "_unlike", unlike)
        assert not fused.available(torch.device("cuda", number))
    assert "no C compiler" in caplog.text
    assert "0.3 of their values differ" in caplog.text
    monkeypatch.setattr(fused, "_unlike", lambda _: 0.0)
    assert fused.available(torch.device("cuda", 2))


def test_a_wrong_kernel_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fused.execute

    def wrong(table: Table, *others: Any) -> torch.Tensor:
        rows = table.rows.copy()
        rows[rows[..., 0] == CODES["hue"], 0] = 0
        return right(replace(table, rows=rows), *others)

    monkeypatch.setattr(fused, "execute", wrong)
    assert fused._unlike(DEVICE) > fused._UNLIKE
