"""What every exported file brings along: the checks at its entry, and how pictures are opened."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import torch
from PIL import Image, ImageOps

from quarterturn.export.runtimes.shared import to_eight_bits

_SLACK = 1e-2  # what rounding and antialiasing add to floats in [0, 1]
_BACKGROUND = (128, 128, 128)  # what the search shows through transparent pixels
_MAX_COLORS = 4
_MAX_CHANNELS = 16  # more are taken for a batch of grey pictures


def check_release(library: str, oldest: tuple[int, ...], newest: tuple[int, ...]) -> None:
    """Refuse a release of the library that this file was not tested with."""
    version = str(import_module(library).__version__)
    release = tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0]))
    if not oldest <= release[: len(oldest)] or not release[: len(newest)] <= newest:
        tested = " to ".join(".".join(map(str, end)) for end in dict.fromkeys((oldest, newest)))
        raise ImportError(
            f"This file was tested with {library} {tested}, and {version} is installed, "
            "which may do something else. Install one of those, or export the policy again with "
            "a newer quarterturn."
        )


def check_tensor(images: object, look: bool) -> torch.Tensor:
    """A tensor (c, h, w) or (n, c, h, w) of integers as stored, or of floats in [0, 1]; what is
    none is refused.

    Args:
        look: whether to look through floats for values outside [0, 1].
    """
    if not isinstance(images, torch.Tensor):
        raise ValueError(f"expected a tensor, got {type(images).__name__}")
    shape = tuple(images.shape)
    if images.ndim not in (3, 4) or shape[-1] <= _MAX_COLORS < min(shape[-3:-1]):
        raise ValueError(
            f"expected (c, h, w) or (n, c, h, w), got {shape}; channels come before the sides"
        )
    if images.ndim == 3 and shape[0] > _MAX_CHANNELS:
        raise ValueError(
            f"expected (c, h, w) or (n, c, h, w), got {shape}; a batch of grey pictures needs "
            "unsqueeze(1), one picture of many channels unsqueeze(0)"
        )
    if images.is_complex():
        raise ValueError(f"expected integers or floats in [0, 1], got {images.dtype}")
    if look and images.is_floating_point() and images.numel():
        low, high = (float(bound) for bound in torch.aminmax(images))
        if not (low >= -_SLACK and high <= 1.0 + _SLACK):  # not the same as its negation: NaN
            raise ValueError(
                f"floats must lie in [0, 1], and these are {low:.3g} to {high:.3g}; divide 0 to "
                "255 by 255, normalize after the policy, clamp after a bicubic resize"
            )
    return images


def open_picture(
    picture: Image.Image, intensity: tuple[float, float] | None, every: bool = False
) -> torch.Tensor:
    """uint8 (3, h, w) of the picture as the search saw it: upright, on its background, its samples
    shown from `intensity`, the values that are black and white; with `every` also those of 8 bits.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        samples = torch.from_numpy(np.asarray(picture, np.float64))
        return to_eight_bits(samples, intensity, every).expand(3, -1, -1)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*_BACKGROUND, 255))
        picture = Image.alpha_composite(ground, layer)
    rgb = np.array(picture.convert("RGB"))
    return to_eight_bits(torch.from_numpy(rgb).permute(2, 0, 1), intensity, every)


def fit_square(images: torch.Tensor, size: int, fit: str) -> torch.Tensor:
    """(n, c, h, w) to (n, c, size, size), as the search makes squares: by crop, pad or stretch."""
    height, width = images.shape[-2:]
    inner = [size, size]
    if fit == "crop":
        short = min(height, width)
        top, left = (height - short) // 2, (width - short) // 2
        images = images[..., top : top + short, left : left + short]
    elif fit == "pad":
        inner = [max(1, round(side * size / max(height, width))) for side in (height, width)]
    if list(images.shape[-2:]) != inner:
        images = torch.nn.functional.interpolate(
            images, inner, mode="bilinear", align_corners=False, antialias=True
        )
    down, across = size - inner[0], size - inner[1]
    border = (across // 2, across - across // 2, down // 2, down - down // 2)
    return torch.nn.functional.pad(images, border) if down or across else images
