"""HEIC and HEIF of phones, by pillow-heif."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.formats.pillow import picture_of
from quarterturn.data.picture import Picture
from quarterturn.data.unusable import UnusableImageError, check_size

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_heif(head: bytes) -> bool:
    """Whether it is a container of ISO with pictures that are no AVIF."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS and b"avif" not in head[8:40]


def read_heif(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The main picture, upright.

    Raises:
        UnusableImageError: `needs_extra`, `damaged` or what the size gives.
    """
    try:
        import pillow_heif
    except ImportError:
        raise needs_extra("a HEIC picture", "heic") from None
    pillow_heif.register_heif_opener(thumbnails=False)
    try:
        image = Image.open(io.BytesIO(data), formats=("HEIF",))
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableImageError("damaged", f"a HEIC that cannot be opened: {error}") from None
    check_size(*image.size, options.limits)
    yield picture_of(image)
