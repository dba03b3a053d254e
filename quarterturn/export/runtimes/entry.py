"""What every exported file brings along: the checks at its entry, and how pictures are opened."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import torch
from PIL import Image, ImageOps

_SLACK = 1e-2  # what rounding and antialiasing add to floats in [0, 1]
_BACKGROUND = (128, 128, 128)  # what the search shows through transparent pixels
_MAX_CHANNELS = 4


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


def check_tensor(images: object, colors: tuple[str, ...], look: bool) -> torch.Tensor:
    """The tensor (3 or 1, h, w) or (n, 3 or 1, h, w), uint8 or float in [0, 1]; else refuse it.

    Args:
        colors: operations of the policy that need red, green and blue.
        look: whether to look through floats for values outside [0, 1].
    """
    if not isinstance(images, torch.Tensor):
        raise ValueError(f"expected a tensor, got {type(images).__name__}")
    shape = tuple(images.shape)
    if images.ndim not in (3, 4) or shape[-1] <= _MAX_CHANNELS < min(shape[-3:-1]):
        raise ValueError(
            f"expected (c, h, w) or (n, c, h, w), got {shape}; channels come before the sides"
        )
    check_channels(shape[-3], colors)
    if images.dtype == torch.uint8:
        return images
    if not images.is_floating_point():
        raise ValueError(f"expected uint8 or float in [0, 1], got {images.dtype}")
    if look and images.numel():
        low, high = (float(bound) for bound in torch.aminmax(images))
        if not (low >= -_SLACK and high <= 1.0 + _SLACK):  # not the same as its negation: NaN
            raise ValueError(
                f"floats must lie in [0, 1], and these are {low:.3g} to {high:.3g}; divide 0 to "
                "255 by 255, normalize after the policy, clamp after a bicubic resize"
            )
    return images


def check_channels(channels: int, colors: tuple[str, ...]) -> None:
    """Refuse what is neither color nor grey, and grey if the policy needs colors."""
    if channels not in (1, 3):
        raise ValueError(
            f"expected 3 channels, or 1, got {channels}; batches of grey pictures need unsqueeze(1)"
        )
    if channels == 1 and colors:
        raise ValueError(
            f"the policy uses {', '.join(colors)}, which need red, green and blue, and the "
            "pictures are grey; search on grey pictures, or repeat the channel"
        )


def open_picture(picture: Image.Image, intensity: tuple[float, float] | None) -> Image.Image:
    """The picture as RGB, as the search saw it: upright, on its background, mapped to 8 bits."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    if not picture.mode.startswith(("I", "F")):
        return picture.convert("RGB")
    if intensity is None:
        raise ValueError(
            f"the picture has mode {picture.mode}, and the policy says of no value that it is "
            "black or white; map it to 8 bits before"
        )
    low, high = intensity
    values = (np.asarray(picture, np.float64) - low) * (255.0 / (high - low))
    eight = np.floor(np.nan_to_num(values).clip(0.0, 255.0) + 0.5).astype(np.uint8)
    return Image.fromarray(eight).convert("RGB")


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
