"""Geometric operations as affine maps, which compose.

A map is a float32 (n, 2, 3) array from continuous output to input coordinates in pixels, (0, 0)
being the corner of the first pixel. NumPy, not torch: these arrays are tiny, and what they cost is
the calls.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
#: An entry of a map: a number, or (n,) with one of each image.
_Entry = Floats | float


@lru_cache(maxsize=16)
def identity(count: int) -> Floats:
    """`count` identity maps, read-only."""
    made = np.tile(np.eye(2, 3, dtype=np.float32), (count, 1, 1))
    made.flags.writeable = False
    return made


def compose(first: Floats, then: Floats) -> Floats:
    """The map of applying `first` to the image and `then` to the result."""
    result: Floats = first[:, :, :2] @ then
    result[:, :, 2] += first[:, :, 2]
    return result


def _maps(a: _Entry, b: _Entry, c: _Entry, d: _Entry, e: _Entry, f: _Entry, like: Floats) -> Floats:
    """Rows (a, b, c), (d, e, f)."""
    result = np.empty((len(like), 6), np.float32)
    for place, entry in enumerate((a, b, c, d, e, f)):
        result[:, place] = entry
    return result.reshape(-1, 2, 3)


def affine_of(op: str, strength: Floats, height: int, width: int) -> Floats:
    """The maps of a geometric operation; `strength` (n,) is signed."""
    s = strength
    if op == "shear_x":
        return _maps(1, s, 0, 0, 1, 0, s)
    if op == "shear_y":
        return _maps(1, 0, 0, s, 1, 0, s)
    if op == "translate_x":
        return _maps(1, 0, s * width, 0, 1, 0, s)
    if op == "translate_y":
        return _maps(1, 0, 0, 0, 1, s * height, s)
    if op == "horizontal_flip":
        return _maps(-1, 0, width, 0, 1, 0, s)
    if op == "vertical_flip":
        return _maps(1, 0, 0, 0, -1, height, s)
    assert op in ("rotate", "rotate90"), op
    # Counter-clockwise by s degrees (PIL), y pointing down.
    angle = s * (math.pi / 180.0)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = width / 2, height / 2
    return _maps(
        cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y, s
    )


def crop_maps(draws: Floats, scale: Floats, ratio: Floats, height: int, width: int) -> Floats:
    """Maps of random resized crops, by torchvision's rule: ten tries, then a central crop.

    Args:
        draws: (n, 22) uniform in [0, 1): ten areas, ten ratios, two positions.
        scale, ratio: (n, 2) ranges of the area fraction and of width / height.
    """
    low, high = scale[:, :1], scale[:, 1:]
    area = (low + draws[:, :10] * (high - low)) * (height * width)
    logs = np.log(ratio)
    aspect = np.exp(logs[:, :1] + draws[:, 10:20] * (logs[:, 1:] - logs[:, :1]))
    widths, heights = np.sqrt(area * aspect), np.sqrt(area / aspect)
    fits = (widths <= width) & (heights <= height)
    first = fits.argmax(1)
    rows = np.arange(len(draws))
    crop_width, crop_height = widths[rows, first], heights[rows, first]
    spot_x, spot_y = draws[:, 20], draws[:, 21]
    found = fits[rows, first]
    if not found.all():
        bounded = np.clip(np.float32(width / height), ratio[:, 0], ratio[:, 1])
        crop_width = np.where(found, crop_width, np.minimum(height * bounded, width))
        crop_height = np.where(found, crop_height, np.minimum(width / bounded, height))
        spot_x, spot_y = (np.where(found, spot, np.float32(0.5)) for spot in (spot_x, spot_y))
    return _maps(
        crop_width / width,
        0,
        spot_x * (width - crop_width),
        0,
        crop_height / height,
        spot_y * (height - crop_height),
        crop_width,
    )
