"""Random smooth images, which have the colours, gradients and edges of real ones."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy import parse_policy


def smooth(count: int, height: int = 32, width: int = 32, *, seed: int = 0) -> torch.Tensor:
    """uint8 (count, 3, height, width): coarse noise, enlarged, with one hard-edged rectangle."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 5, 5, generator=generator)
    images = functional.interpolate(
        coarse, size=(height, width), mode="bicubic", align_corners=False
    )
    images[:, :, height // 4 : height // 2, width // 3 : width // 2] = coarse[:, :, :1, :1]
    return (images.clamp(0, 1) * 255).round().to(torch.uint8)


def apply(images: torch.Tensor, *stages: dict[str, Any], seed: int = 0) -> torch.Tensor:
    """The first view of the images under the stages."""
    policy = parse_policy({"views": [list(stages)]})
    return augment(images, policy.view(0), RandomStreams(seed))


def signed(op: str, strength: float) -> dict[str, Any]:
    """A stage of exactly this signed strength."""
    return {
        "op": op,
        "strength": abs(strength),
        "sign": "positive" if strength >= 0 else "negative",
    }


def distance(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference in steps of 1 / 255; `theirs` is uint8."""
    return float((ours * 255.0 - theirs.float()).abs().max())
