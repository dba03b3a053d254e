"""Criteria from views: eight crop-and-flip views of the same 500 images, outputs (8, 500, d)."""

from __future__ import annotations

import torch
from torch.nn import functional

_TEMPERATURE = 0.2
_LIDAR_DELTA = 1e-4


def standardised(outputs: torch.Tensor) -> torch.Tensor:
    """Shifted and scaled by mean and standard deviation over all views and images."""
    centred = outputs - outputs.mean((0, 1))
    return centred / centred.flatten(0, 1).std(0).clamp_min(1e-6)


def whitened(outputs: torch.Tensor, shrinkage: float) -> torch.Tensor:
    """Standardised, then decorrelated, with `shrinkage` of the mean variance added to each."""
    x = standardised(outputs)
    flat = x.flatten(0, 1).double()
    covariance = flat.T @ flat / len(flat)
    covariance += shrinkage * covariance.diagonal().mean() * torch.eye(len(covariance)).double()
    values, vectors = torch.linalg.eigh(covariance)
    mapping: torch.Tensor = (vectors * values.clamp_min(1e-12).rsqrt()) @ vectors.T
    return x @ mapping.float()


def retrieval(outputs: torch.Tensor, pairs: int | None = None) -> float:
    """Share of images whose nearest neighbour by cosine, in another view of all images, is itself:
    view v against view v + 1, for all v or the first `pairs`.
    """
    z = functional.normalize(outputs, dim=2)
    views, images, _ = z.shape
    itself = torch.arange(images)
    shares = [
        ((z[v] @ z[(v + 1) % views].T).argmax(1) == itself).float().mean()
        for v in range(pairs or views)
    ]
    return float(torch.stack(shares).mean())


def infonce(outputs: torch.Tensor) -> float:
    """InfoNCE of neighbouring views at temperature 0.2, the other images being the negatives."""
    z = functional.normalize(outputs, dim=2)
    views, images, _ = z.shape
    losses = [
        functional.cross_entropy(z[v] @ z[(v + 1) % views].T / _TEMPERATURE, torch.arange(images))
        for v in range(views)
    ]
    return float(torch.stack(losses).mean())


def alignment(outputs: torch.Tensor) -> float:
    """Mean squared distance of neighbouring views on the sphere (Wang & Isola 2020)."""
    z = functional.normalize(outputs, dim=2)
    return float((z - z.roll(1, 0)).square().sum(2).mean())


def uniformity(outputs: torch.Tensor) -> float:
    """log of the mean of exp(-2 squared distance) over pairs of images, mean over views."""
    z = functional.normalize(outputs, dim=2)
    return float(
        torch.stack([torch.pdist(v).square().mul(-2.0).exp().mean().log() for v in z]).mean()
    )


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
