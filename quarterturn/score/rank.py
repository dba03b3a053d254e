"""RankMe: the effective rank of features (Garrido et al. 2023, arXiv 2210.02885)."""

from __future__ import annotations

import torch


def rankme(features: torch.Tensor) -> float:
    """exp of the entropy of the normalised singular values of (n, d) features; 1 to min(n, d)."""
    values = torch.linalg.svdvals(features.float())
    shares = values / values.sum().clamp_min(1e-12) + 1e-7
    return float(torch.exp(-(shares * shares.log()).sum()))
