"""Operations that read a neighbourhood, add noise, or cover a part.

All take and return float32 images (n, 3, h, w) in [0, 1]; strengths are (n,).
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch.nn import functional

from quarterturn.augment.color import blend

_SMOOTH = ((1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 1.0))


@lru_cache(maxsize=8)
def _smoothing(device: torch.device) -> torch.Tensor:
    """Made once: a tensor of Python numbers is copied to a GPU by waiting for it."""
    return torch.tensor(_SMOOTH, device=device).div_(13.0).expand(3, 1, 3, 3)


def sharpness(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Blend with PIL's SMOOTH filter, whose border pixels are the image's own."""
    if min(images.shape[-2:]) < 3:
        return images
    smooth = images.clone()
    smooth[..., 1:-1, 1:-1] = functional.conv2d(images, _smoothing(images.device), groups=3)
    return blend(smooth, images, strength)


def _blur_matrix(sigma: torch.Tensor, largest: float, size: int) -> torch.Tensor:
    """(n, size, size) matrices that blur along one axis, reflecting at the border."""
    radius = min(math.ceil(3.0 * largest), size - 1)
    offsets = torch.arange(-radius, radius + 1, device=sigma.device, dtype=torch.float32)
    sigma = sigma.clamp_min(1e-3).view(-1, 1)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) * (offsets.abs() <= (3.0 * sigma).ceil())
    weights = weights / weights.sum(1, keepdim=True)
    source = torch.arange(size, device=sigma.device).view(-1, 1) + offsets.long()
    source = source.abs()
    source = torch.where(source > size - 1, 2 * (size - 1) - source, source)
    matrix = torch.zeros(sigma.shape[0], size, size, device=sigma.device)
    count = sigma.shape[0]
    return matrix.scatter_add_(
        2, source.expand(count, -1, -1), weights.unsqueeze(1).expand(-1, size, -1)
    )


def gaussian_blur(
    images: torch.Tensor, sigma: torch.Tensor, largest: float | None = None
) -> torch.Tensor:
    """Blur by `sigma` pixels, each image by its own, kernels cut at three sigma.

    `largest` is the largest sigma, where it is known without asking the device.
    """
    largest = float(sigma.max()) if largest is None else largest
    count, channels, height, width = images.shape
    across = _blur_matrix(sigma, largest, width)
    down = across if height == width else _blur_matrix(sigma, largest, height)
    rows = images.reshape(count, channels * height, width) @ across.transpose(1, 2)
    return down.unsqueeze(1) @ rows.view(count, channels, height, width)


def gaussian_noise(
    images: torch.Tensor, strength: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Add `noise` (standard normal, as the images) times strength, clamped."""
    return (images + strength.view(-1, 1, 1, 1) * noise).clamp_(0.0, 1.0)


def cutout(
    images: torch.Tensor, strength: torch.Tensor, centre: torch.Tensor, fill: torch.Tensor
) -> torch.Tensor:
    """Cover a square of side strength * width centred at `centre` (n, 2: x, y in [0, 1]).

    As in SelfAugment a square that would pass the left or top border is moved inside, one that
    passes the right or bottom border is cut. `fill` is (n, 3) in [0, 1].
    """
    height, width = images.shape[-2:]
    side = strength * width
    left = (centre[:, 0] * width - side / 2).clamp_min(0.0).view(-1, 1, 1)
    top = (centre[:, 1] * height - side / 2).clamp_min(0.0).view(-1, 1, 1)
    side = side.view(-1, 1, 1)
    x = torch.arange(width, device=images.device).view(1, 1, -1) + 0.5
    y = torch.arange(height, device=images.device).view(1, -1, 1) + 0.5
    inside = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
    return torch.where(inside.unsqueeze(1), fill.view(-1, 3, 1, 1), images)
