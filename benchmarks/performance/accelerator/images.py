"""Images and data that are made up: a machine with an accelerator needs no image set."""

from __future__ import annotations

import torch
from torch.nn import functional

from quarterturn.pretrain.data import TrialData


def smooth_images(size: int, count: int, device: torch.device) -> torch.Tensor:
    """uint8 (count, 3, size, size), smooth as photographs are, channels last in memory."""
    source = torch.Generator().manual_seed(size)
    coarse = torch.rand(count, 3, 6, 6, generator=source)
    fine = functional.interpolate(coarse, size=(size, size), mode="bicubic").clamp(0, 1)
    images = (fine * 255).round().to(torch.uint8).to(device)
    return images.contiguous(memory_format=torch.channels_last)


def made_up(size: int, device: torch.device, count: int = 8000) -> TrialData:
    """Nine of sixteen images to pretrain on; four, two and one to score on."""
    images = smooth_images(size, count, device)
    sixteenth = count // 16
    parts = [count - 7 * sixteenth, 4 * sixteenth, 2 * sixteenth, sixteenth]
    pretrain, train, test, report = torch.split(images, parts)
    middle = torch.full((1, 3, 1, 1), 0.5, device=device)
    return TrialData(pretrain, train, test, report, mean=middle, std=middle / 2)
