"""TIFF: pages of 8 bits by Pillow, all others, bands and layers by tifffile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from quarterturn.data.formats import tiff_tags as tags
from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.formats.pillow import DEEP_MODES, open_lazily, picture_of
from quarterturn.data.formats.tiff_layers import read_layers
from quarterturn.data.picture import Picture, Plain
from quarterturn.data.unusable import UnusableImageError, check_size

_REDUCED_OR_MASK = 0b101


def _is_band(image: Image.Image) -> bool:
    """Whether the fourth band of a map is no transparency, though the file says so: GDAL marks
    near infrared as alpha. Transparency of maps is all or nothing.
    """
    if image.mode != "RGBA" or not tags.is_map(image.tag_v2):  # type: ignore[attr-defined]
        return False
    try:
        return len(image.getchannel("A").getcolors(256) or ()) > 2
    except Exception:  # decoded, and refused, once more where pages are read
        return False


def _one_band(image: Image.Image, label: str) -> Picture:
    page = image.tag_v2  # type: ignore[attr-defined]
    bits = int(tags.first_number(page, tags.BITS, 16))
    photometric = tags.first_number(page, tags.PHOTOMETRIC, 1)
    picture = picture_of(image, label)
    if isinstance(picture, Plain):
        return picture
    values = picture.values
    if values.dtype == np.int32:
        signed = tags.first_number(page, tags.FORMAT, 1) == 2
        values = (
            values.astype(np.int16 if bits == 16 else np.int32)
            if signed
            else (values.view(np.uint32))
        )
    return replace(
        picture,
        values=values,
        bits=tags.stated_range(page, bits),
        inverted=photometric == 0,
        nodata=tags.nodata_of(page),
        georeferenced=tags.is_map(page),
    )


def _pages(image: Image.Image, options: ReadOptions) -> Iterator[Picture]:
    """Each page; previews and masks of other pages are left out."""
    pages = int(getattr(image, "n_frames", 1))
    for number in range(pages):
        try:
            image.seek(number)
        except Exception as error:
            raise UnusableImageError(
                "damaged", f"page {number + 1} cannot be read ({error}); save it anew"
            ) from None
        page = image.tag_v2  # type: ignore[attr-defined]
        if number and int(tags.first_number(page, tags.SUBFILE, 0)) & _REDUCED_OR_MASK:
            continue
        check_size(*image.size, options.limits)
        label = f"#{number + 1}" if pages > 1 else ""
        yield _one_band(image, label) if tags.is_one_band(page) else picture_of(image, label)


def _raw() -> UnusableImageError:
    return UnusableImageError(
        "not_an_image", "a raw photograph; develop it to TIFF or JPEG (its preview is not used)"
    )


def read_tiff(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pages of a file, channels in pages of their own put together.

    Raises:
        UnusableImageError: with the reason.
    """
    if data[8:10] == b"CR":  # Canon's
        raise _raw()
    try:
        image = open_lazily(data, "TIFF", options.limits)
    except UnusableImageError as error:
        if error.reason != "damaged":
            raise
        yield from read_layers(data, options)  # Pillow does not know all kinds of samples
        return
    page = image.tag_v2  # type: ignore[attr-defined]
    if tags.is_raw(page):
        raise _raw()
    several = tags.first_number(page, tags.CHANNELS, 1) > 1
    packed = tags.first_number(page, tags.COMPRESSION, 1)
    # Pillow turns the bytes of packed big-endian samples the wrong way, where there is a predictor.
    turned = data.startswith(b"MM") and image.mode in ("I", "F") and packed > 1
    rare = turned or packed in tags.RARE_COMPRESSIONS
    if tags.has_layers(page) or (several and options.bands is not None):
        yield from read_layers(data, options)
    elif tags.is_one_band(page) and image.mode in DEEP_MODES and not rare:
        yield from _pages(image, options)
    elif not tags.is_plain(page) or rare or _is_band(image):
        yield from read_layers(data, options)
    else:
        yield from _pages(image, options)
