"""InfoNCE, alignment, uniformity, RankMe: against lightly and against float64 numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightly.loss import NTXentLoss
from torch.nn import functional

from quarterturn.pretrain.contrast import alignment, infonce, retrieval, uniformity
from quarterturn.score.rank import rankme


def _unit(count: int, dimension: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return functional.normalize(torch.randn(count, dimension, generator=generator), dim=1)


def _pairs(count: int, dimension: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries, and keys that resemble them."""
    queries = _unit(count, dimension, seed)
    return queries, functional.normalize(queries + 0.5 * _unit(count, dimension, seed + 1), dim=1)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
@pytest.mark.parametrize("negatives", [1, 64, 500])
def test_infonce_against_lightly(temperature: float, negatives: int) -> None:
    """Its memory bank is the queue; without gradients it stays as it is."""
    queries, keys = _pairs(32, 16, 0)
    queue = _unit(negatives, 16, 9)
    reference = NTXentLoss(temperature=temperature, memory_bank_size=(negatives, 16))
    reference.memory_bank.bank = queue.clone()
    expected = float(reference(queries, keys))
    mine = infonce(queries, keys, queue, temperature)
    assert mine.shape == (32,)
    assert float(mine.mean()) == pytest.approx(expected, rel=1e-5)
    assert torch.equal(reference.memory_bank.bank, queue), "the reference saw this queue"


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 9),
    negatives=st.integers(1, 40),
    temperature=st.floats(0.05, 2.0),
)
@settings(max_examples=30, deadline=None)
def test_infonce_of_each_query_against_float64(
    seed: int, count: int, negatives: int, temperature: float
) -> None:
    queries, keys = _pairs(count, 8, seed)
    queue = _unit(negatives, 8, seed + 2)
    mine = infonce(queries, keys, queue, temperature).numpy()
    q, k, n = (part.double().numpy() for part in (queries, keys, queue))
    for i in range(count):
        positive = math.exp(q[i] @ k[i] / temperature)
        others = np.exp(n @ q[i] / temperature).sum()
        assert mine[i] == pytest.approx(-math.log(positive / (positive + others)), abs=2e-5)


def test_infonce_of_a_collapsed_encoder_is_the_log_of_all_choices() -> None:
    same = torch.ones(5, 4) / 2.0
    assert infonce(same, same, same[:1].expand(63, 4), 0.2).numpy() == pytest.approx(math.log(64))


@given(seed=st.integers(0, 10_000), count=st.integers(2, 30), scale=st.floats(0.1, 50.0))
@settings(max_examples=30, deadline=None)
def test_alignment_and_uniformity_against_float64(seed: int, count: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(count, 6, generator=generator) * scale for _ in range(2))
    a, b = (x.double().numpy() for x in (first, second))
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    assert alignment(first, second) == pytest.approx(((a - b) ** 2).sum(1).mean(), rel=1e-4)
    pairs = [((a[i] - a[j]) ** 2).sum() for i in range(count) for j in range(i)]
    expected = np.log(np.exp(-2.0 * np.array(pairs)).mean())
    assert uniformity(first) == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_ends_of_alignment_and_uniformity() -> None:
    points = _unit(40, 8, 3)
    assert alignment(points, 3 * points) == pytest.approx(0.0, abs=1e-6)
    assert alignment(points, -points) == pytest.approx(4.0, rel=1e-5)
    collapsed = torch.ones(40, 8)
    assert uniformity(collapsed) == pytest.approx(0.0, abs=1e-5)
    assert uniformity(points) < uniformity(functional.normalize(points + 1.0, dim=1)) < -0.01


@given(seed=st.integers(0, 10_000), count=st.integers(2, 60), dimension=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_rankme_against_float64(seed: int, count: int, dimension: int) -> None:
    """With directions of very different size, as features have them."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, dimension)) * np.logspace(0, -2, dimension)
    values = np.linalg.svd(features, compute_uv=False)
    shares = values / values.sum()
    expected = math.exp(-(shares * np.log(shares + 1e-7)).sum())
    found = rankme(torch.from_numpy(features).float())
    assert found == pytest.approx(expected, rel=1e-3)
    assert 0.999 <= found <= min(count, dimension) * 1.001


def test_retrieval_against_a_loop() -> None:
    generator = torch.Generator().manual_seed(4)
    first = torch.randn(30, 12, generator=generator) * torch.logspace(0, 2, 12) + 5.0
    second = first + torch.logspace(0, 2, 12) * torch.randn(30, 12, generator=generator)
    both = np.concatenate((first.numpy(), second.numpy())).astype(np.float64)
    z = (both - both.mean(0)) / both.std(0, ddof=1)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    a, b = z[:30], z[30:]
    found = [np.argmax(b @ a[i]) == i for i in range(30)]
    found += [np.argmax(a @ b[i]) == i for i in range(30)]
    assert 0.1 < np.mean(found) < 0.95
    assert retrieval(first, second) == pytest.approx(np.mean(found))
    assert retrieval(first, first) == 1.0
    assert retrieval(torch.ones(30, 12), torch.ones(30, 12)) == pytest.approx(1 / 30)
