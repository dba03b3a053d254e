"""What the libraries compared have in common: a batch in, augmented images out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy.schema import Policy

Apply = Callable[[Any], Any]


@dataclass(frozen=True)
class Library:
    """`prepare` makes its inputs of uint8 (n, 3, s, s), untimed; `build` a function of them.

    `build` raises `LookupError` for what the library lacks.
    """

    name: str
    prepare: Callable[[torch.Tensor], Any]
    build: Callable[[Policy, int], Apply]


def _ours(policy: Policy, size: int) -> Apply:
    del size
    step = iter(range(2**62))

    def apply(images: torch.Tensor) -> torch.Tensor:
        draws = RandomStreams(0, next(step), device=images.device)
        return augment(images, policy.view(0), draws)

    return apply


def _each(transform: Apply) -> Apply:
    def apply(images: Iterable[Any]) -> list[Any]:
        return [transform(image) for image in images]

    return apply


def _pictures(images: torch.Tensor) -> list[Any]:
    from PIL import Image

    return [Image.fromarray(array) for array in images.permute(0, 2, 3, 1).numpy()]


def _arrays(images: torch.Tensor) -> list[Any]:
    return list(np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy()))


def ours() -> Library:
    """As pretraining calls it: a batch of bytes, channels last in memory, to floats."""
    return Library(
        "quarterturn", lambda images: images.to(memory_format=torch.channels_last), _ours
    )


def peers() -> list[Library]:
    """Each at its best: bytes wherever it takes them, whole batches where it can."""
    from benchmarks.performance.augment import albumentations, kornia, torchvision

    return [
        Library(
            "torchvision, PIL", _pictures, lambda p, s: _each(torchvision.build(p, s, pil=True))
        ),
        Library(
            "torchvision, tensor", list, lambda p, s: _each(torchvision.build(p, s, pil=False))
        ),
        Library("kornia", lambda images: images.float() / 255.0, kornia.build),
        Library("albumentations", _arrays, lambda p, s: _each(albumentations.build(p, s))),
    ]
