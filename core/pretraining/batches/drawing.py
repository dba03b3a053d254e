"""Which images are a batch: a function of seed, step and device."""

from __future__ import annotations

import torch

from core.augmentation import Draws


def drawn(count: int, size: int, draws: Draws) -> torch.Tensor:
    """`size` of `count` places, without repetition, int64 on the device of the draws."""
    places = torch.randperm(count, generator=draws.generator("batch"), device=draws.device)
    return places[: min(size, count)]


def batch_of(images: torch.Tensor, size: int, draws: Draws) -> torch.Tensor:
    """`size` of the images (n, 3, s, s), which lie on the device of the draws."""
    return images[drawn(len(images), size, draws)]
