"""Pieces of the two photographs that scikit-learn ships: colour images of any size."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_sample_images


def pieces(size: int, count: int) -> torch.Tensor:
    """uint8 (count, 3, size, size), cut at places drawn with a fixed seed."""
    photographs = load_sample_images().images
    source = np.random.default_rng(0)
    cut = []
    for number in range(count):
        whole = photographs[number % len(photographs)]
        top = source.integers(whole.shape[0] - size + 1)
        left = source.integers(whole.shape[1] - size + 1)
        cut.append(whole[top : top + size, left : left + size])
    return torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).contiguous()
