"""JPEG files whose end marker was lost, as cameras and cut downloads leave them."""

from __future__ import annotations

import io
import re

from PIL import Image

from quarterturn.data.unusable import UnusableImageError

_END = b"\xff\xd9"
#: Neither a byte of a scan that happens to be 255 nor a restart within one.
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
#: Markers that nothing belongs to.
_ALONE = (b"\x01", b"\xd8")
_PADDING = bytes(64)
#: Two continuations that no decoder mistakes for one another.
_CONTINUATIONS = (b"\x00" * 64, b"\xaa" * 64)


def has_end(data: bytes) -> bool:
    """Whether the end marker is there. Some programs write padding behind it, and telephones a
    video.
    """
    return _END in data[-4096:] or _ends_before_more(data)


def _ends_before_more(data: bytes) -> bool:
    """Whether the end marker comes up on the way from marker to marker."""
    at = 2
    while (match := _MARKER.search(data, at)) is not None:
        if match[0] == _END:
            return True
        at = match.end()
        if match[1] not in _ALONE:
            at += max(2, int.from_bytes(data[at : at + 2]))
    return False


def _ends_in_scan(data: bytes) -> bool:
    """Whether the last marker begins a scan, and not a table that no scan follows."""
    markers = [match[1] for match in _MARKER.finditer(data)]
    return bool(markers) and markers[-1] == b"\xda"


def _decoded(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return image.tobytes()


def open_without_end(data: bytes) -> Image.Image:
    """Open a file without end marker, if nothing but the marker is missing.

    A decoder that has all of the picture does not look at what follows: whatever follows, the
    pixels are the same. If they differ, rows are missing.

    Raises:
        UnusableImageError: `damaged`.
    """
    if data.endswith(_PADDING):  # room that a download was given and never filled
        data = data.rstrip(b"\0")
    data = data.rstrip(b"\xff")  # the first half of a marker
    try:
        whole = _decoded(data + _END)
        same = all(_decoded(data + rest + _END) == whole for rest in _CONTINUATIONS)
        if same and _ends_in_scan(data):
            return Image.open(io.BytesIO(data + _END), formats=("JPEG",))
    except Exception as error:
        raise UnusableImageError(
            "damaged", f"cannot be decoded ({error}); copy or download it again"
        ) from None
    raise UnusableImageError(
        "damaged", "a JPEG that ends early: rows are missing. Copy or download it again"
    )


def scale_for(width: int, height: int, enough: int | None) -> int:
    """By how much a file may be decoded smaller: the largest of 8, 4 and 2 that leaves `enough`
    pixels, or 1.
    """
    if enough is None:
        return 1
    return next((scale for scale in (8, 4, 2) if min(width, height) // scale >= enough), 1)


def shrink(image: Image.Image, enough: int | None) -> int:
    """Have a file decoded smaller; returns by how much."""
    scale = scale_for(*image.size, enough)
    if scale > 1:
        image.draft(image.mode, (image.width // scale, image.height // scale))
    return scale
