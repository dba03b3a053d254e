"""What the tags of a TIFF say of its samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUBFILE, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION = 254, 258, 259, 262, 270
ORIENTATION, INNER, DNG = 274, 330, 50706
CHANNELS, LOWEST, HIGHEST, PLANAR = 277, 280, 281, 284
EXTRA, FORMAT, LOWEST_OF_ANY, HIGHEST_OF_ANY = 338, 339, 340, 341
#: JPEG 2000, LZMA, LERC, Zstandard, WebP, JPEG XL: Pillow's library may have been built without.
RARE_COMPRESSIONS = (33003, 33005, 34712, 34887, 34925, 50000, 50001, 50002)
#: Where on Earth it lies, and what GDAL writes.
MAP_TAGS = (33550, 33922, 34264, 34735, 42112)
NODATA = 42113
#: Those that say what samples mean.
OF_SAMPLES = (LOWEST, HIGHEST, LOWEST_OF_ANY, HIGHEST_OF_ANY, *MAP_TAGS, NODATA)

Tags = Mapping[int, Any]


def first_number(tags: Tags, tag: int, default: float) -> float:
    """The number, or the first of several."""
    value = tags.get(tag, default)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int | float) else default


def is_map(tags: Tags) -> bool:
    """Whether it is georeferenced."""
    return any(tag in tags for tag in MAP_TAGS)


def is_raw(tags: Tags) -> bool:
    """Whether it is a raw photograph, of which the first page is a preview."""
    preview = int(first_number(tags, SUBFILE, 0)) & 1
    return DNG in tags or (bool(preview) and INNER in tags)


def is_plain(tags: Tags) -> bool:
    """Whether Pillow decodes it right: up to eight unsigned bits, one band or colours."""
    channels = int(first_number(tags, CHANNELS, 1))
    photometric = int(first_number(tags, PHOTOMETRIC, 1))
    colors = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3}.get(photometric)
    return (
        first_number(tags, BITS, 1) <= 8
        and first_number(tags, FORMAT, 1) == 1
        and colors is not None
        and channels in (colors, colors + 1)
        and (channels == colors or first_number(tags, EXTRA, 0) in (1, 2))
    )


def is_one_band(tags: Tags) -> bool:
    """Whether it is grey with samples of a whole number of bytes, which Pillow reads as stored."""
    return (
        first_number(tags, CHANNELS, 1) == 1
        and first_number(tags, PHOTOMETRIC, 1) in (0, 1)
        and first_number(tags, BITS, 1) in (16, 32)
    )


def has_layers(tags: Tags) -> bool:
    """Whether channels may lie in pages of their own, as OME-TIFF and ImageJ write them."""
    text = tags.get(DESCRIPTION, "")
    text = text if isinstance(text, str) else ""
    return "<OME" in text or ("ImageJ" in text and "channels=" in text)


def stated_range(tags: Tags, bits: int) -> tuple[float, float] | None:
    """The lowest and highest value that samples can have, if it is said."""
    high = first_number(tags, HIGHEST, first_number(tags, HIGHEST_OF_ANY, 0))
    low = first_number(tags, LOWEST, first_number(tags, LOWEST_OF_ANY, 0))
    if low < high:
        return float(low), float(high)
    return (0.0, 2.0**bits - 1) if 8 < bits < 16 else None


def nodata_of(tags: Tags) -> float | None:
    """The value that GDAL wrote for pixels without one."""
    try:
        return float(str(tags[NODATA]).strip().strip("\0"))
    except (KeyError, ValueError):
        return None
