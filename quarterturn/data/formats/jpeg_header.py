"""The header of a JPEG, in one walk over its markers (ITU-T T.81, annex B; T.87 for JPEG-LS)."""

from __future__ import annotations

from typing import NamedTuple

_SCAN, _TABLES = 0xDA, (0xC4, 0xC8, 0xCC)
_LOSSLESS = 0xF7  # JPEG-LS
_HUFFMAN = (0xC0, 0xC1, 0xC2)
#: Segments that say how to show a picture: EXIF and XMP, views of several, Adobe's colors.
_TELLING = {0xE1, 0xE2, 0xEE}


class Frame(NamedTuple):
    """Of the first frame: bits per sample, width and height in pixels, number of components.

    `usual` is set where nothing else of the header changes what is shown: Huffman coding of grey or
    of YCbCr, and no segment that speaks of orientation or colors; `near_lossless` for JPEG-LS.
    """

    bits: int
    width: int
    height: int
    components: int
    usual: bool
    near_lossless: bool = False


def read_frame(data: bytes) -> Frame | None:
    """The header of the first frame, None if there is none before the first scan."""
    at, end = 2, len(data) - 10
    frame, telling = None, False
    while at < end and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == _SCAN:
            break
        if marker in _TELLING:
            telling = True
        elif frame is None and (
            (0xC0 <= marker <= 0xCF and marker not in _TABLES) or marker == _LOSSLESS
        ):
            frame = at
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    if frame is None:
        return None
    kind, _, _, bits, *size, components = data[frame + 1 : frame + 10]
    height, width = size[0] << 8 | size[1], size[2] << 8 | size[3]
    known = kind in _HUFFMAN and bits == 8 and components in (1, 3)
    usual = known and not telling and at < end and data[at + 1] == _SCAN
    return Frame(bits, width, height, components, usual, kind == _LOSSLESS)
