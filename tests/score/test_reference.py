"""The reference criterion against independent computations of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from quarterturn.score import reference
from quarterturn.score.reference import (
    linear_cka,
    neighbor_overlap,
    reference_criteria,
    ridge_r2,
    split_halves,
    whiten,
)

IMAGES = 301  # odd: the halves differ by one


def _features(seed: int, width: int, shared: int = 4) -> torch.Tensor:
    """Correlated features of the same images: a common signal and noise of their own."""
    common = np.random.default_rng(0).normal(size=(IMAGES, shared))
    source = np.random.default_rng(seed)
    mixed = common @ source.normal(size=(shared, width)) + source.normal(size=(IMAGES, width))
    scales = source.uniform(0.1, 10.0, width)
    return torch.from_numpy(np.maximum(mixed * scales + 1.0, 0.0)).float()


@pytest.fixture
def z() -> torch.Tensor:
    return _features(1, 12)


@pytest.fixture
def r() -> torch.Tensor:
    return _features(2, 80)


def _sample_scaler(values: np.ndarray) -> StandardScaler:
    """scikit-learn divides by n, torch by n - 1."""
    scaler = StandardScaler().fit(values)
    scaler.scale_ *= np.sqrt(len(values) / (len(values) - 1))
    return scaler


def _sklearn_r2(z: np.ndarray, r: np.ndarray) -> float:
    a, b = (half.numpy() for half in split_halves(len(z)))
    found = []
    for fitted, tested in ((a, b), (b, a)):
        scale_z, scale_r = _sample_scaler(z[fitted]), _sample_scaler(r[fitted])
        ridge = Ridge(alpha=reference.PENALTY * len(fitted), fit_intercept=False)
        ridge.fit(scale_z.transform(z[fitted]), scale_r.transform(r[fitted]))
        truth = scale_r.transform(r[tested])
        missed = truth - ridge.predict(scale_z.transform(z[tested]))
        found.append(1.0 - (missed**2).sum() / (truth**2).sum())
    return float(np.mean(found))


def test_r2_is_that_of_ridge_regression(z: torch.Tensor, r: torch.Tensor) -> None:
    expected = _sklearn_r2(z.double().numpy(), r.double().numpy())
    assert ridge_r2(z, r) == pytest.approx(expected, abs=1e-9)
    assert 0.05 < expected < 0.95


def test_whitened_components_are_those_of_pca(z: torch.Tensor, r: torch.Tensor) -> None:
    values = _sample_scaler(r.double().numpy()).transform(r.double().numpy())
    expected = PCA(n_components=reference.COMPONENTS, whiten=True).fit_transform(values)
    components = whiten(r)
    assert components.shape == (IMAGES, reference.COMPONENTS)
    assert torch.allclose(components.abs(), torch.from_numpy(expected).abs(), atol=1e-6)
    assert ridge_r2(z, components) == pytest.approx(
        _sklearn_r2(z.double().numpy(), expected), abs=1e-6
    )


def test_overlap_is_that_of_nearest_neighbors(z: torch.Tensor, r: torch.Tensor) -> None:
    def neighbors(features: torch.Tensor) -> list[set[int]]:
        values = StandardScaler().fit_transform(features.double().numpy())
        found = NearestNeighbors(n_neighbors=reference.NEIGHBORS + 1, metric="cosine").fit(values)
        places = found.kneighbors(values, return_distance=False)
        return [set(row.tolist()) - {i} for i, row in enumerate(places)]

    pairs = zip(neighbors(z), neighbors(r), strict=True)
    expected = np.mean([len(one & other) / reference.NEIGHBORS for one, other in pairs])
    assert neighbor_overlap(z, r) == pytest.approx(float(expected))


def test_cka_is_that_of_centered_kernels(z: torch.Tensor, r: torch.Tensor) -> None:
    kernels = []
    for features in (z, r):
        values = StandardScaler().fit_transform(features.double().numpy())
        kernels.append(values @ values.T)
    one, other = kernels
    expected = (one * other).sum() / (np.linalg.norm(one) * np.linalg.norm(other))
    assert linear_cka(z, r) == pytest.approx(float(expected))


def test_features_that_hold_the_reference_score_highest(z: torch.Tensor, r: torch.Tensor) -> None:
    itself, noise = reference_criteria(r, r), reference_criteria(torch.randn_like(z), r)
    for name, value in reference_criteria(z, r).items():
        assert noise[name] < value < itself[name], name
    assert itself["knn"] == pytest.approx(1.0)
    assert itself["cka"] == pytest.approx(1.0)


def test_neither_scale_shift_nor_order_counts(z: torch.Tensor, r: torch.Tensor) -> None:
    found = reference_criteria(z, r)
    assert reference_criteria(3.0 * z - 5.0, 0.5 * r + 1.0) == pytest.approx(found, rel=1e-4)
    order = torch.randperm(z.shape[1], generator=torch.Generator().manual_seed(3))
    assert reference_criteria(z[:, order], r) == pytest.approx(found, rel=1e-6)


def test_constant_features_explain_nothing(r: torch.Tensor) -> None:
    constant = torch.ones(IMAGES, 5)
    assert ridge_r2(constant, r) == pytest.approx(0.0, abs=0.05)
    assert np.isfinite(
        list(reference_criteria(r[:, :5], torch.cat((r, constant), 1)).values())
    ).all()
