"""Criteria from views: eight crop-and-flip views of the same 500 images, outputs (8, 500, d).

What the product measures on two views is measured by its own code on view v against view v + 1.
"""

from __future__ import annotations

from statistics import fmean

import torch
from torch.nn import functional

from quarterturn.score.criteria import Views, view_criteria

_LIDAR_DELTA = 1e-4


def contrast(
    features: torch.Tensor, projections: torch.Tensor, pairs: int | None = None
) -> dict[str, float]:
    """The product's criteria of two views, mean over all neighbouring pairs or the first `pairs`.

    With one pair these are the product's own numbers.
    """
    unit = functional.normalize(projections, dim=2)
    count = len(features)
    found = []
    for v in range(pairs or count):
        w = (v + 1) % count
        found.append(view_criteria(Views((features[v], features[w]), (unit[v], unit[w]))))
    return {name: fmean(one[name] for one in found) for name in found[0]}


def whitened(outputs: torch.Tensor, shrinkage: float) -> torch.Tensor:
    """Standardised over all views and images, then decorrelated, with `shrinkage` of the mean
    variance added to each.
    """
    x = outputs - outputs.mean((0, 1))
    x = x / x.flatten(0, 1).std(0).clamp_min(1e-6)
    flat = x.flatten(0, 1).double()
    covariance = flat.T @ flat / len(flat)
    covariance += shrinkage * covariance.diagonal().mean() * torch.eye(len(covariance)).double()
    values, vectors = torch.linalg.eigh(covariance)
    mapping: torch.Tensor = (vectors * values.clamp_min(1e-12).rsqrt()) @ vectors.T
    return x @ mapping.float()


def lidar(outputs: torch.Tensor) -> float:
    """Effective rank of linear discriminant analysis with images as classes (arXiv 2312.04000)."""
    x = outputs.double()
    mean = x.mean(0)
    centre = mean - mean.mean(0)
    between = centre.T @ centre / (len(mean) - 1)
    residual = (x - mean).flatten(0, 1)
    within = residual.T @ residual / (len(residual) - len(mean))
    values, vectors = torch.linalg.eigh(within + _LIDAR_DELTA * torch.eye(len(within)).double())
    white = (vectors * values.clamp_min(1e-12).rsqrt()) @ vectors.T
    shares = torch.linalg.eigvalsh(white @ between @ white).clamp_min(0.0)
    shares = shares / shares.sum().clamp_min(1e-12) + 1e-7
    return float(torch.exp(-(shares * shares.log()).sum()))
