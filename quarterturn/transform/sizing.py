"""Pictures of any shape to squares of a size: cropped from the original, as the policy says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torchvision.transforms.v2 import functional as F

from quarterturn.augment import RandomStreams
from quarterturn.policy.pictures import Fit
from quarterturn.policy.schema import RandomResizedCrop

_TRIES = 10


def fitted(images: torch.Tensor, size: int, fit: Fit) -> torch.Tensor:
    """(n, c, h, w) to (n, c, size, size), as a search makes squares of its files: the central
    square, all of it on black, or all of it stretched; bilinear, antialiased.
    """
    height, width = images.shape[-2:]
    if (height, width) == (size, size):
        return images
    if fit == "crop":
        images = F.center_crop(images, [min(height, width)] * 2)
    if fit == "pad":
        scale = size / max(height, width)
        inner = [max(1, round(height * scale)), max(1, round(width * scale))]
        top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
        border = [left, top, size - inner[1] - left, size - inner[0] - top]
        padded: torch.Tensor = F.pad(F.resize(images, inner, antialias=True), border)
        return padded
    resized: torch.Tensor = F.resize(images, [size, size], antialias=True)
    return resized


def _box(
    numbers: Sequence[float], height: int, width: int, crop: RandomResizedCrop
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a crop; torchvision's rule: ten tries, then the middle."""
    low, high = (math.log(bound) for bound in crop.ratio)
    for number in range(_TRIES):
        share = crop.scale[0] + numbers[2 * number] * (crop.scale[1] - crop.scale[0])
        aspect = math.exp(low + numbers[2 * number + 1] * (high - low))
        w = round(math.sqrt(share * height * width * aspect))
        h = round(math.sqrt(share * height * width / aspect))
        if 0 < w <= width and 0 < h <= height:
            top, left = (
                int(n * room)
                for n, room in zip(numbers[-2:], (height - h + 1, width - w + 1), strict=True)
            )
            return top, left, h, w
    aspect = min(max(width / height, crop.ratio[0]), crop.ratio[1])
    h, w = round(min(height, width / aspect)), round(min(width, height * aspect))
    return (height - h) // 2, (width - w) // 2, h, w


def cropped(
    images: torch.Tensor, size: int, crop: RandomResizedCrop, draws: RandomStreams, view: int
) -> torch.Tensor:
    """(n, c, h, w) to (n, c, size, size), each by a crop of its own; bilinear, antialiased."""
    count, _, height, width = images.shape
    numbers = draws.uniform(f"{view}/sized_crop/1", count, 2 * _TRIES + 2)
    parts = []
    for image, own in zip(images, numbers.tolist(), strict=True):
        parts.append(
            F.resized_crop(image, *_box(own, height, width, crop), [size, size], antialias=True)
        )
    return torch.stack(parts) if parts else images.new_empty(0, images.shape[1], size, size)
