"""Which images are a batch: a function of seed, step and device."""

from __future__ import annotations

import torch

from quarterturn.augment import RandomStreams


def drawn(count: int, size: int, draws: RandomStreams) -> torch.Tensor:
    """`size` of `count` places, without repetition, int64 on the device of the draws."""
    places = torch.randperm(count, generator=draws.generator("batch"), device=draws.device)
    return places[: min(size, count)]


def batch_of(images: torch.Tensor, size: int, draws: RandomStreams) -> torch.Tensor:
    """`size` of the images (n, 3, s, s), which lie on the device of the draws."""
    # As they lie in memory, whole images are copied; as (n, 3, h, w), value by value.
    lying = images.permute(0, 2, 3, 1)
    return lying.index_select(0, drawn(len(images), size, draws)).permute(0, 3, 1, 2)
