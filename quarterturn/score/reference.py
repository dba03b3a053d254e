"""How much of a frozen reference encoder's features a candidate's features hold.

A reference is any encoder that was trained elsewhere. Its features R (n, m) and a candidate's Z
(n, d) are pooled features of the same n images, none of them augmented. Nothing is fitted to
labels, so the pretraining images may be used; with fewer than about 1,200 the numbers are noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from quarterturn.score.jackknife import jackknife_error

#: Ridge penalty per image, principal components, and neighbors per image.
PENALTY = 0.03
COMPONENTS = 64
NEIGHBORS = 10
_TINY = 1e-6


def split_halves(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices of two halves of `count` images, drawn once and for all: the images may be sorted."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    return order[: count // 2], order[count // 2 :]


def _standardize(fitted: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both (., d) shifted and scaled by mean and standard deviation of `fitted`."""
    mean, std = fitted.mean(0), fitted.std(0)
    scale = torch.where(std > _TINY, std, torch.ones_like(std))
    return (fitted - mean) / scale, (other - mean) / scale


def _explained(z_a: torch.Tensor, r_a: torch.Tensor, z_b: torch.Tensor, r_b: torch.Tensor) -> float:
    """1 - |R_B - Z_B W|^2 / |R_B|^2 of the W that ridge regression finds on half A; all four are
    standardized.
    """
    penalty = PENALTY * len(z_a) * torch.eye(z_a.shape[1], dtype=z_a.dtype, device=z_a.device)
    weights = torch.linalg.solve(z_a.T @ z_a + penalty, z_a.T @ r_a)
    return float(1.0 - (r_b - z_b @ weights).square().sum() / r_b.square().sum())


class _Halves:
    """(n, m) features standardized by each half, once for all candidates."""

    def __init__(self, r: torch.Tensor) -> None:
        one, other = (half.to(r.device) for half in split_halves(len(r)))
        self._orders = [(a, b, *_standardize(r[a], r[b])) for a, b in ((one, other), (other, one))]

    def r2(self, z: torch.Tensor) -> float:
        """`ridge_r2` of (n, d) features of the same type, in the precision of both."""
        total = 0.0
        for a, b, r_a, r_b in self._orders:
            z_a, z_b = _standardize(z[a], z[b])
            total += _explained(z_a, r_a, z_b, r_b)
        return total / 2


def ridge_r2(z: torch.Tensor, r: torch.Tensor) -> float:
    """Share of the variance of R that a ridge regression on Z explains on images it was not fitted
    to; at most 1, below 0 if it is worse than the mean.

    R2 = 1 - |R_B - Z_B W|^2 / |R_B|^2 with W = (Z_A'Z_A + 0.03 n_A I)^-1 Z_A'R_A, both
    standardized on half A; the mean over both orders of the two halves.

    Args:
        z: (n, d) features of the candidate.
        r: (n, m) features of the reference on the same images, or their components.
    """
    return _Halves(r.double()).r2(z.double())


def whiten(r: torch.Tensor, components: int = COMPONENTS) -> torch.Tensor:
    """(n, k) first principal components of standardized (n, m) features, each of unit variance."""
    standard, _ = _standardize(r.double(), r.double())
    # Of the covariance, which is smaller than the features; in ascending order.
    _, directions = torch.linalg.eigh(standard.T @ standard)
    scores = standard @ directions.flip(1)[:, :components]
    return _standardize(scores, scores)[0]


def _nearest(features: torch.Tensor, count: int) -> torch.Tensor:
    """(n, count) indices of the nearest others by cosine of standardized features."""
    standard, _ = _standardize(features, features)
    normal = functional.normalize(standard, dim=1)
    similarity = normal @ normal.T
    similarity.fill_diagonal_(-2.0)
    return similarity.topk(count, dim=1).indices


def _share_common(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean share of the entries of each row of `first` that stand in that of `second` too."""
    return float((first[:, :, None] == second[:, None, :]).any(2).double().mean())


def neighbor_overlap(z: torch.Tensor, r: torch.Tensor, count: int = NEIGHBORS) -> float:
    """Mean share of an image's `count` nearest neighbors by Z that are nearest by R too; 0 to 1.

    Mutual kNN of the platonic representation hypothesis (Huh et al. 2024, arXiv 2405.07987).

    Args:
        z, r: (n, d) and (n, m).
    """
    return _share_common(_nearest(z, count), _nearest(r, count))


def linear_cka(z: torch.Tensor, r: torch.Tensor) -> float:
    """Linear centered kernel alignment |Z'R|^2 / (|Z'Z| |R'R|) of standardized features; 0 to 1
    (Kornblith et al. 2019, arXiv 1905.00414).

    Args:
        z, r: (n, d) and (n, m).
    """
    z, r = _standardize(z.double(), z.double())[0], _standardize(r.double(), r.double())[0]
    return float((z.T @ r).square().sum() / ((z.T @ z).norm() * (r.T @ r).norm()))


def reference_criteria(z: torch.Tensor, r: torch.Tensor) -> dict[str, float]:
    """All of them by name: r2, r2w (of the whitened components), knn and cka.

    Args:
        z, r: (n, d) and (n, m).
    """
    return {
        "r2": ridge_r2(z, r),
        "r2w": ridge_r2(z, whiten(r)),
        "knn": neighbor_overlap(z, r),
        "cka": linear_cka(z, r),
    }


@dataclass(frozen=True, eq=False)
class ReferenceTarget:
    """What candidates are compared with, prepared once for all of them.

    Attributes:
        features: (n, m) of the reference, float32, on the CPU.
        components: (n, k) of them, as by `whiten`.
        neighbors: (n, 10) indices of each image's nearest others.
    """

    features: torch.Tensor
    components: torch.Tensor
    neighbors: torch.Tensor
    _halves: dict[str, _Halves]

    @classmethod
    def of(cls, features: torch.Tensor) -> ReferenceTarget:
        """Prepare (n, m) features."""
        components = whiten(features).float()
        halves = {"reference": _Halves(components), "reference_r2": _Halves(features)}
        return cls(features, components, _nearest(features, NEIGHBORS), halves)

    @property
    def images(self) -> int:
        """How many images are compared."""
        return len(self.features)

    def score(self, features: torch.Tensor) -> dict[str, float]:
        """The criteria of a candidate's (n, d) features of the same images, by their names."""
        z = features.float().cpu()
        return {
            **{name: halves.r2(z) for name, halves in self._halves.items()},
            "reference_knn": _share_common(_nearest(z, NEIGHBORS), self.neighbors),
        }

    def sampling_error(self, criterion: str, features: torch.Tensor) -> float:
        """Standard error of one of them from the choice of images, by the jackknife."""
        z = features.float().cpu()
        if criterion == "reference_knn":
            return jackknife_error(
                lambda index: neighbor_overlap(z[index], self.features[index]), len(z)
            )
        r = self.components if criterion == "reference" else self.features
        return jackknife_error(lambda index: _Halves(r[index]).r2(z[index]), len(z))
