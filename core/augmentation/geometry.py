"""Operations that move pixels, as affine maps that compose into one resampling.

A map is a (n, 2, 3) tensor from continuous output to input coordinates in pixels, (0, 0) being the
corner of the first pixel. Resampling is bilinear; what lies outside the image takes the fill
colour with a hard edge. Consecutive operations compose: content that one moves out of the frame
and the next moves back is kept. An operation with another fill colour starts a new resampling.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

#: An entry of a map: a number, or (n,) with one of each image.
_Entry = torch.Tensor | float


def identity(count: int, device: torch.device) -> torch.Tensor:
    """`count` identity maps."""
    return torch.eye(2, 3, device=device).repeat(count, 1, 1)


def compose(first: torch.Tensor, then: torch.Tensor) -> torch.Tensor:
    """The map of applying `first` to the image and `then` to the result."""
    linear = first[:, :, :2] @ then[:, :, :2]
    offset = first[:, :, :2] @ then[:, :, 2:] + first[:, :, 2:]
    return torch.cat((linear, offset), 2)


def _maps(
    a: _Entry, b: _Entry, c: _Entry, d: _Entry, e: _Entry, f: _Entry, like: torch.Tensor
) -> torch.Tensor:
    """Rows (a, b, c), (d, e, f)."""
    entries = [
        entry if isinstance(entry, torch.Tensor) else torch.full_like(like, entry)
        for entry in (a, b, c, d, e, f)
    ]
    return torch.stack(entries, 1).view(-1, 2, 3)


def affine_of(op: str, strength: torch.Tensor, height: int, width: int) -> torch.Tensor:
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
    cosine, sine = angle.cos(), angle.sin()
    x, y = width / 2, height / 2
    return _maps(
        cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y, s
    )


def crop_maps(
    draws: torch.Tensor, scale: torch.Tensor, ratio: torch.Tensor, height: int, width: int
) -> torch.Tensor:
    """Maps of random resized crops, by torchvision's rule: ten tries, then a central crop.

    Args:
        draws: (n, 22) uniform in [0, 1): ten areas, ten ratios, two positions.
        scale, ratio: (n, 2) ranges of the area fraction and of width / height.
    """
    low, high = scale[:, :1], scale[:, 1:]
    area = (low + draws[:, :10] * (high - low)) * (height * width)
    log_low, log_high = ratio[:, :1].log(), ratio[:, 1:].log()
    aspect = torch.exp(log_low + draws[:, 10:20] * (log_high - log_low))
    widths, heights = (area * aspect).sqrt(), (area / aspect).sqrt()
    fits = (widths <= width) & (heights <= height)
    first = fits.to(torch.uint8).argmax(1, keepdim=True)
    crop_width = widths.gather(1, first).squeeze(1)
    crop_height = heights.gather(1, first).squeeze(1)
    central = (width / height) * torch.ones_like(crop_width)
    bounded = torch.minimum(torch.maximum(central, ratio[:, 0]), ratio[:, 1])
    fallback_width = torch.minimum(height * bounded, torch.full_like(bounded, width))
    fallback_height = torch.minimum(width / bounded, torch.full_like(bounded, height))
    found = fits.any(1)
    crop_width = torch.where(found, crop_width, fallback_width)
    crop_height = torch.where(found, crop_height, fallback_height)
    spot_x = torch.where(found, draws[:, 20], torch.full_like(bounded, 0.5))
    spot_y = torch.where(found, draws[:, 21], torch.full_like(bounded, 0.5))
    return _maps(
        crop_width / width, 0, spot_x * (width - crop_width),
        0, crop_height / height, spot_y * (height - crop_height), crop_width,
    )  # fmt: skip


def resample(images: torch.Tensor, maps: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """Apply maps to float images (n, 3, h, w); `fill` is (n, 3) in [0, 1]."""
    count, _, height, width = images.shape
    size = torch.tensor((width, height), device=images.device, dtype=maps.dtype)
    x = torch.arange(width, device=images.device, dtype=maps.dtype) + 0.5
    y = torch.arange(height, device=images.device, dtype=maps.dtype) + 0.5
    # Each coordinate is a sum of a row part and a column part: two small outer sums, no matmul.
    scaled = maps * (2.0 / size).view(1, 2, 1)
    column = scaled[:, :, 0:1] * x
    row = scaled[:, :, 1:2] * y + (scaled[:, :, 2:3] - 1.0)
    grid = row.unsqueeze(3) + column.unsqueeze(2)
    outside = grid.abs().amax(1) > 1.0 + 1e-5
    moved = functional.grid_sample(
        images,
        grid.permute(0, 2, 3, 1),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return torch.where(outside.unsqueeze(1), fill.view(count, 3, 1, 1), moved)
