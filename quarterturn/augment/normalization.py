"""What comes after a policy: inputs as an encoder takes them."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation of the channels, float32 (1, 3, 1, 1)."""

    mean: torch.Tensor
    std: torch.Tensor

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Float images (n, 3, h, w) in [0, 1], normalized, channels last in memory."""
        normal = (images - self.mean) / self.std
        return normal.contiguous(memory_format=torch.channels_last)
