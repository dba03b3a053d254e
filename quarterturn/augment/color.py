"""Operations on pixel values. All take float32 images (n, 3, h, w) in [0, 1] and return the same.

`strength` is (n,): the signed strength where the operation has a sign. Semantics follow PIL and
torchvision's float path; unlike on 8-bit images, values are not rounded between operations.
"""

from __future__ import annotations

import torch

_LUMA = (0.299, 0.587, 0.114)


def _per_image(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)


def luma(images: torch.Tensor) -> torch.Tensor:
    """Luma (ITU-R 601-2, as PIL's mode L), (n, 1, h, w)."""
    red, green, blue = images.unbind(1)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(1)


def blend(
    other: torch.Tensor | float, images: torch.Tensor, strength: torch.Tensor
) -> torch.Tensor:
    """other + (1 + strength) * (images - other), clamped: PIL's ImageEnhance."""
    return (other + _per_image(1.0 + strength) * (images - other)).clamp_(0.0, 1.0)


def brightness(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return blend(0.0, images, strength)


def contrast(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return blend(luma(images).mean((1, 2, 3), keepdim=True), images, strength)


def saturation(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    return blend(luma(images), images, strength)


def grayscale(images: torch.Tensor) -> torch.Tensor:
    return luma(images).expand(-1, 3, -1, -1)


def invert(images: torch.Tensor) -> torch.Tensor:
    return 1.0 - images


def solarize(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Invert the values of at least 256 * (1 - strength), on the scale 0..255."""
    threshold = _per_image(256.0 * (1.0 - strength))
    return torch.where(images * 255.0 >= threshold, 1.0 - images, images)


def posterize(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Clear the lowest `floor(strength)` bits of the 8-bit value."""
    step = _per_image(torch.exp2(torch.floor(strength)))
    coarse = torch.floor((images * 255.0).round() / step) * step / 255.0
    return torch.where(step > 1.0, coarse, images)  # no bit cleared: not even rounded to 8 bits


def auto_contrast(images: torch.Tensor) -> torch.Tensor:
    """Stretch each channel of each image to [0, 1]; constant channels stay."""
    low = images.amin((2, 3), keepdim=True)
    span = images.amax((2, 3), keepdim=True) - low
    return torch.where(span > 0, (images - low) / span.clamp_min(1e-8), images)


def equalize(images: torch.Tensor) -> torch.Tensor:
    """PIL's histogram equalisation of each channel, on 8-bit values."""
    count, channels = images.shape[:2]
    values = (images * 255.0).round().long().view(count * channels, -1)
    histogram = torch.zeros(count * channels, 256, dtype=torch.long, device=images.device)
    histogram.scatter_add_(1, values, torch.ones_like(values))
    brightest = histogram.gather(1, values.amax(1, keepdim=True))
    step = torch.div(values.shape[1] - brightest, 255, rounding_mode="floor")
    below = histogram.cumsum(1) - histogram
    table = torch.div(below + step // 2, step.clamp_min(1), rounding_mode="floor").clamp_(0, 255)
    equalized = table.gather(1, values).view_as(images).to(images.dtype) / 255.0
    return torch.where(step.view(count, channels, 1, 1) > 0, equalized, images)


def hue(images: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Turn the hue of HSV by `strength` of the circle."""
    red, green, blue = images.unbind(1)
    value, lowest = images.amax(1), images.amin(1)
    chroma = value - lowest
    divisor = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sector = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    turned = sector + 6.0 * strength.view(-1, 1, 1)

    def channel(offset: float) -> torch.Tensor:
        distance = torch.remainder(turned + offset, 6.0)
        return value - chroma * torch.minimum(distance, 4.0 - distance).clamp_(0.0, 1.0)

    return torch.stack((channel(5.0), channel(3.0), channel(1.0)), 1)
