"""The one check of the images that a policy is given: wrong ones are refused, not ruined."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray

from quarterturn.errors import InvalidInputError

#: Colors of a picture, by which channels behind the sides are known.
_MAX_COLORS = 4
#: Channels of one picture; more in front of two sides are taken for a batch of grey ones.
MAX_CHANNELS = 16
#: What rounding and antialiasing add to floats in [0, 1].
_SLACK = 1e-2


class WrongImagesError(InvalidInputError, ValueError):
    """The images are not what a policy applies to; as a ValueError, which training code expects."""

    code = "wrong_images"


def _channels_last(shape: torch.Size) -> bool:
    """Whether channels lie where width belongs: a few values behind two sides of an image."""
    return not shape[-3] or shape[-1] <= _MAX_COLORS < min(shape[-3:-1])


def check_range(images: torch.Tensor) -> None:
    """Refuse floats outside [0, 1]: of 0..255, normalized already, or not finite.

    Args:
        images: floats of any shape; on a GPU the check waits for them.

    Raises:
        WrongImagesError.
    """
    if not images.numel():
        return
    low, high = (float(bound) for bound in torch.aminmax(images))
    if low >= -_SLACK and high <= 1.0 + _SLACK:  # false for NaN
        return
    if low >= -_SLACK and 2.0 < high <= 255.0 + _SLACK:
        what = "These look like 0 to 255: divide by 255, or give uint8"
    elif low < -_SLACK:
        what = "Normalize after the policy, not before, and clamp after a bicubic resize"
    else:
        what = "Scale them, or clamp after a bicubic resize"
    raise WrongImagesError(
        f"Floats must lie in [0, 1], and these are {low:.3g} to {high:.3g}. {what}."
    )


def check_tensor(images: torch.Tensor) -> None:
    """Refuse a tensor that is neither one picture nor a batch.

    Raises:
        WrongImagesError: its shape or its dtype.
    """
    got = tuple(images.shape)
    if images.ndim not in (3, 4) or _channels_last(images.shape):
        raise WrongImagesError(
            f"expected (n, c, h, w) or (c, h, w), got {got}; channels come before height and width"
        )
    if images.ndim == 3 and images.shape[0] > MAX_CHANNELS:
        raise WrongImagesError(
            f"expected (n, c, h, w) or (c, h, w), got {got}; a batch of grey pictures needs "
            "unsqueeze(1), one picture of many channels unsqueeze(0)"
        )
    if images.is_complex() or images.dtype == torch.bool:
        raise WrongImagesError(f"expected integers or float in [0, 1], got {images.dtype}")


def check_array(pixels: NDArray[Any]) -> None:
    """Refuse an array that is not one picture.

    Raises:
        WrongImagesError: its shape or its dtype.
    """
    if pixels.ndim not in (2, 3):
        raise WrongImagesError(
            f"expected one picture (h, w) or (h, w, c), got {pixels.shape}; give a batch as a "
            "tensor (n, c, h, w)"
        )
    if pixels.ndim == 3 and pixels.shape[0] <= _MAX_COLORS < min(pixels.shape[1:]):
        raise WrongImagesError(
            f"expected (h, w) or (h, w, c), got {pixels.shape}; in arrays channels come last"
        )
    if pixels.dtype.kind not in "biuf":
        raise WrongImagesError(f"expected integers or floats, got {pixels.dtype}")


def refuse_kind(images: object) -> WrongImagesError:
    """What to raise for what is no image at all."""
    return WrongImagesError(
        f"expected a PIL image, an array or a tensor, got {type(images).__name__}"
        + ("; stack the pictures, or give them one by one" * isinstance(images, list | tuple))
    )
