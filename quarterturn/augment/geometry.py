"""Resampling: images moved by the affine maps of `quarterturn.augment.maps`.

Bilinear; what lies outside the image takes the fill colour with a hard edge.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional


def mirror(images: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, h, w) mirrored left and right."""
    return images.flip(3)


def overturn(images: torch.Tensor) -> torch.Tensor:
    """Images (n, 3, h, w) mirrored top and bottom."""
    return images.flip(2)


@lru_cache(maxsize=8)
def _size(width: int, height: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Made once: a tensor of Python numbers is copied to a GPU by waiting for it."""
    return torch.tensor((width, height), device=device, dtype=dtype).view(1, 2, 1)


def resample(images: torch.Tensor, maps: torch.Tensor, fill: torch.Tensor) -> torch.Tensor:
    """Apply maps to float images (n, 3, h, w); `fill` is (n, 3) in [0, 1]."""
    count, _, height, width = images.shape
    size = _size(width, height, images.device, maps.dtype)
    x = torch.arange(width, device=images.device, dtype=maps.dtype) + 0.5
    y = torch.arange(height, device=images.device, dtype=maps.dtype) + 0.5
    # Each coordinate is a sum of a row part and a column part: two small outer sums, no matmul.
    scaled = maps * (2.0 / size)
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
