"""Everyday formats, by Pillow: JPEG, PNG, WebP, BMP, GIF, PPM, JPEG 2000, AVIF."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from quarterturn.data.formats import jpeg, png16
from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import (
    DecodeLimits,
    UnusableImageError,
    check_size,
    too_many_pixels,
)

#: What shows through transparent pixels: neither ink nor paper of most drawings.
BACKGROUND = (128, 128, 128)
_ORIENTED = {"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"}
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def open_lazily(data: bytes, kind: str, limits: DecodeLimits) -> Image.Image:
    """Open a file of a format of Pillow by its header, and check its size.

    Raises:
        UnusableImageError: `damaged`, `too_many_pixels` or `too_small`.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
    except UnidentifiedImageError:
        raise UnusableImageError(
            "damaged", f"begins as {kind}, and its header cannot be read; copy or download it again"
        ) from None
    except Image.DecompressionBombError:
        raise too_many_pixels(limits) from None
    except MemoryError:
        raise _memory() from None
    except Exception as error:
        raise damaged(error) from None
    check_size(*image.size, limits)
    return image


def damaged(error: Exception) -> UnusableImageError:
    """The error of a file that a decoder gave up."""
    return UnusableImageError("damaged", f"cannot be decoded ({error}); copy or download it again")


def _memory() -> UnusableImageError:
    return UnusableImageError("too_much_memory", "needs more memory than allowed")


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; looking for one is slow, so only where there can be one."""
    if image.format == "TIFF" or not _ORIENTED.isdisjoint(image.info):
        return ImageOps.exif_transpose(image)
    return image


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of 8 bits as RGB; what is transparent shows the background."""
    if image.mode in ("LAB", "HSV"):
        raise UnusableImageError("unsupported_mode", f"{image.mode} colors; save it as RGB")
    transparent = image.mode in _WITH_ALPHA or "transparency" in image.info
    if not transparent:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (*BACKGROUND, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def picture_of(image: Image.Image, label: str = "", notes: tuple[str, ...] = ()) -> Picture:
    """Decode an opened image.

    Raises:
        UnusableImageError: `damaged` or `too_much_memory`.
    """
    try:
        kind = image.format
        image.load()
        image = upright(image)
        if image.mode in DEEP_MODES:
            if kind == "PPM" and image.mode == "I":  # scaled from its highest value to 16 bits
                return Samples(np.asarray(image, np.uint16), label, notes, bits=(0.0, 65535.0))
            return Samples(np.asarray(image), label, notes)
        return Plain(to_rgb(image), label, notes)
    except UnusableImageError:
        raise
    except MemoryError:
        raise _memory() from None
    except Exception as error:
        raise damaged(error) from None


def _is_animated(image: Image.Image) -> bool:
    if image.format == "MPO":  # a second view, for depth or a preview
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the first frame may be whole all the same
        return False


def read_pillow(kind: str, data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The picture of a file, the first of an animation.

    Raises:
        UnusableImageError: with the reason.
    """
    image = open_lazily(data, kind, options.limits)
    notes = ("animated",) if _is_animated(image) else ()
    if kind == "PNG" and (deep := png16.read_png16(data, image)) is not None:
        yield deep
    elif kind == "JPEG" and not jpeg.has_end(data):
        yield picture_of(jpeg.open_without_end(data), notes=("no_end_marker",))
    elif kind == "JPEG" and (scale := jpeg.shrink(image, options.enough)) > 1:
        picture = picture_of(image)
        yield replace(picture, scale=scale) if isinstance(picture, Plain) else picture
    else:
        yield picture_of(image, notes=notes)
