"""PNG with 16 bits and several channels, of which Pillow gives the upper eight: a second reading
gives the lower eight.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.picture import Picture, Samples
from quarterturn.data.unusable import UnusableImageError

#: How Pillow is told to take the upper byte, and how the lower.
_LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
_GREY_AND_ALPHA = "LA;16B"


def _half(data: bytes, raw: str) -> NDArray[np.uint16]:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        image.tile = [tile._replace(args=raw) for tile in image.tile]
        return np.asarray(image).astype(np.uint16)


def _significant_bits(data: bytes) -> tuple[float, float] | None:
    """What the chunk sBIT says of samples, which then lie in the upper bits."""
    at = data.find(b"sBIT", 33, 4096)
    bits = data[at + 4] if at > 0 else 0
    return (0.0, 65535.0) if 8 < bits < 16 else None


def read_png16(data: bytes, image: Image.Image) -> Picture | None:
    """The samples of a file of 16 bits and three or four channels, None for any other.

    Raises:
        UnusableImageError: `damaged` or `too_much_memory`.
    """
    raw = image.tile[0][3] if image.tile else ""  # type: ignore[attr-defined]
    if raw not in _LOWER and raw != _GREY_AND_ALPHA:
        return None
    try:
        if raw == _GREY_AND_ALPHA:  # two samples of two bytes, read as four of one
            parts = _half(data, "RGBA")
            grey = parts[..., 0] << 8 | parts[..., 1]
            return Samples(grey, bits=_significant_bits(data), alpha=parts[..., 2].astype(np.uint8))
        samples = _half(data, raw) << 8 | _half(data, _LOWER[raw])
    except MemoryError:
        raise UnusableImageError("too_much_memory", "needs more memory than allowed") from None
    except Exception as error:
        raise UnusableImageError("damaged", f"cannot be decoded: {error}") from None
    alpha = (samples[..., 3] >> 8).astype(np.uint8) if samples.shape[2] == 4 else None
    return Samples(samples[..., :3], bits=_significant_bits(data), alpha=alpha)
