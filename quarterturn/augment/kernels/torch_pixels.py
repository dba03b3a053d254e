"""Steps on the values of pixels that several operations share, in plain torch."""

from __future__ import annotations

import torch

_LUMA = (0.299, 0.587, 0.114)


def per_image(values: torch.Tensor) -> torch.Tensor:
    """(n,) as (n, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)


def luma(images: torch.Tensor) -> torch.Tensor:
    """Luma (ITU-R 601-2, as PIL's mode L) of images (n, 3, h, w), (n, 1, h, w)."""
    red, green, blue = images.unbind(1)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(1)


def blend(
    other: torch.Tensor | float, images: torch.Tensor, strength: torch.Tensor
) -> torch.Tensor:
    """other + (1 + strength) * (images - other), clamped: PIL's ImageEnhance."""
    return (other + per_image(1.0 + strength) * (images - other)).clamp_(0.0, 1.0)
