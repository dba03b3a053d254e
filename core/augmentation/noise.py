"""Noise that a program adds: a batch of it for each step that has some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from core.augmentation.draws import Noise
from core.augmentation.program import Step


def noise_of(
    steps: Sequence[Step], draws: Noise, shape: torch.Size
) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """For images of `shape`, (n, 3, h, w): noise (k, n, 3, h, w), and the place in it of each step.
    Without any it has no values.
    """
    labels = [step.noise for step in steps if "gaussian_noise" in step.names]
    if not labels:
        return torch.empty(1, shape[0], 3, 0, 0), np.zeros(len(steps), np.int64)
    drawn = torch.stack([draws.noise(label, *shape) for label in labels])
    places = [labels.index(step.noise) if step.noise in labels else 0 for step in steps]
    return drawn, np.array(places, np.int64)
