"""Decoding of one image file to RGB at the working resolution. Runs in child processes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
#: What shows through transparent pixels: neither ink nor paper of most drawings.
BACKGROUND = (128, 128, 128)
DIGEST_BYTES = 16
_ORIENTED = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}


class UnusableImageError(Exception):
    """The file cannot be used; `reason` is a stable code."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class DecodeLimits:
    """Limits on one image, in pixels, and on its file, in bytes; and on the process that decodes
    it: CPU seconds per image, and bytes of memory.
    """

    max_pixels: int
    min_side: int
    max_bytes: int = 64 * 2**20
    max_seconds: float = 20.0
    max_memory: int = 2 * 2**30


@dataclass(frozen=True)
class Decoded:
    """`pixels` is uint8 (s, s, 3); `digest` identifies the picture, not the file that holds it."""

    pixels: np.ndarray
    digest: bytes


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; looking for one is slow, so only where there can be one."""
    if image.format == "TIFF" or not _ORIENTED.isdisjoint(image.info):
        return ImageOps.exif_transpose(image)
    return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I"):
        values = np.asarray(image).astype(np.int64).clip(0, 65535)
        return Image.fromarray((values // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise UnusableImageError(
            "unsupported_mode", "floating-point pixels; convert to 8 or 16 bit"
        )
    transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if not transparent:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _is_archive(data: bytes) -> bool:
    return data.startswith((b"PK\x03\x04", b"\x1f\x8b")) or data[257:262] == b"ustar"


def open_rgb(data: bytes, limits: DecodeLimits) -> Image.Image:
    """Decode an image file of an allowed format to RGB, upright.

    Raises:
        UnusableImageError: with the reason.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if _is_archive(data):
            raise UnusableImageError("nested_archive", "an archive; unpack it first") from None
        raise UnusableImageError("not_an_image", f"not an image in {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError as error:
        raise UnusableImageError("too_many_pixels", str(error)) from None
    except Exception as error:
        raise UnusableImageError("damaged", f"cannot be opened: {error}") from None
    width, height = image.size
    if width * height > limits.max_pixels:
        raise UnusableImageError("too_many_pixels", f"{width}x{height} pixels")
    if min(width, height) < limits.min_side:
        raise UnusableImageError("too_small", f"{width}x{height} pixels")
    try:
        image.load()
        return _to_rgb(_upright(image))
    except UnusableImageError:
        raise
    except MemoryError:
        raise UnusableImageError("too_much_memory", "needs more memory than allowed") from None
    except Exception as error:
        raise UnusableImageError("damaged", f"cannot be decoded: {error}") from None


def decode(data: bytes, resolution: int, limits: DecodeLimits) -> Decoded:
    """Decode, take the central square, resize it (bilinear, antialiased) to `resolution`.

    Raises:
        UnusableImageError: with the reason.
    """
    image = open_rgb(data, limits)
    width, height = image.size
    hasher = hashlib.blake2b(f"{width}x{height}".encode(), digest_size=DIGEST_BYTES)
    raw = image.tobytes()
    hasher.update(raw)
    side = min(width, height)
    if (width, height) != (resolution, resolution):
        left, top = (width - side) / 2, (height - side) / 2
        image = image.resize(
            (resolution, resolution),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
            reducing_gap=3.0,
        )
        raw = image.tobytes()
    pixels = np.frombuffer(raw, np.uint8).reshape(resolution, resolution, 3)
    return Decoded(pixels, hasher.digest())
