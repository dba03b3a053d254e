"""JPEG and JPEG 2000 of more than eight bits, by imagecodecs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.formats.bands import choose_bands
from quarterturn.data.formats.jpeg import has_end, scale_for
from quarterturn.data.formats.jpeg_header import Frame, read_frame
from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.formats.pillow import read_pillow
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import UnusableImageError, check_size


def jpeg2000_size(data: bytes) -> tuple[int, int, int, int] | None:
    """Width, height, components and bits of the marker SIZ, or None without one."""
    at = data.find(b"\xff\x4f\xff\x51")
    if at < 0 or len(data) < at + 43:
        return None
    numbers = [int.from_bytes(data[at + 8 + 4 * n : at + 12 + 4 * n]) for n in range(4)]
    components = int.from_bytes(data[at + 40 : at + 42])
    return numbers[0] - numbers[2], numbers[1] - numbers[3], components, (data[at + 42] & 127) + 1


def _decoded(decode: Callable[[], NDArray[Any]], what: str) -> NDArray[Any]:
    try:
        values = np.asarray(decode())
    except MemoryError:
        raise
    except Exception as error:
        raise UnusableImageError("damaged", f"{what} that cannot be decoded: {error}") from None
    return values[..., None] if values.ndim == 2 else values


def _deep(values: NDArray[Any], bits: int, options: ReadOptions) -> Picture:
    chosen, notes = choose_bands(values, options.bands)
    if chosen.dtype == np.uint8:
        return Plain(Image.fromarray(np.ascontiguousarray(chosen)).convert("RGB"), "", notes)
    signed = chosen.dtype.kind == "i"
    stated = None if signed else (0.0, 2.0**bits - 1)
    return Samples(chosen, "", notes, bits=stated)


def read_jpeg2000(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The picture, its samples as stored where they have more than eight bits.

    Raises:
        UnusableImageError: `needs_extra`, `damaged` or what the size gives.
    """
    size = jpeg2000_size(data)
    if size is None or (size[3] <= 8 and size[2] in (1, 3)):
        yield from read_pillow("JPEG2000", data, options)
        return
    width, height, components, bits = size
    check_size(width, height, options.limits)
    if bits <= 8 and components in (2, 4) and options.bands is None:
        yield from read_pillow("JPEG2000", data, options)  # with transparency
        return
    try:
        import imagecodecs
    except ImportError:
        raise needs_extra(f"a JPEG 2000 of {components} bands of {bits} bits", "tiff") from None
    values = _decoded(lambda: imagecodecs.jpeg2k_decode(data), "a JPEG 2000")
    yield _deep(values, bits, options)


def read_jpeg(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The picture; of 12 bits, and of JPEG-LS, as stored.

    Raises:
        UnusableImageError: with the reason.
    """
    frame = read_frame(data)
    if frame is not None and frame.near_lossless:
        yield from _read_near_lossless(data, frame, options)
        return
    if frame is None or frame.bits <= 8:
        usual = _read_usual(data, frame, options) if frame and frame.usual else None
        if usual is None:
            yield from read_pillow("JPEG", data, options)
        else:
            yield usual
        return
    try:
        import imagecodecs
    except ImportError:
        raise needs_extra(f"a JPEG of {frame.bits} bits", "tiff") from None
    check_size(frame.width, frame.height, options.limits)
    values = _decoded(lambda: imagecodecs.jpeg_decode(data), f"a JPEG of {frame.bits} bits")
    yield _deep(values, frame.bits, options)


def _read_near_lossless(data: bytes, frame: Frame, options: ReadOptions) -> Iterator[Picture]:
    try:
        import imagecodecs
    except ImportError:
        raise needs_extra("a JPEG-LS", "tiff") from None
    check_size(frame.width, frame.height, options.limits)
    values = _decoded(lambda: imagecodecs.jpegls_decode(data), "a JPEG-LS")
    yield _deep(values, frame.bits, options)


def _read_usual(data: bytes, frame: Frame, options: ReadOptions) -> Plain | None:
    """The picture of a usual file, by Pillow's decoder without its reading of the header, which
    takes as long as a small picture; None if it is not whole, which the long way tells of.
    """
    if not has_end(data):
        return None
    check_size(frame.width, frame.height, options.limits)
    mode = "RGB" if frame.components == 3 else "L"
    scale = scale_for(frame.width, frame.height, options.enough)
    size = (-(-frame.width // scale), -(-frame.height // scale))
    image = Image.new(mode, size, None)  # not painted black first, as `Image.frombytes` does
    try:
        image.frombytes(data, "jpeg", (mode, "", scale, 0))
    except ValueError:
        return None
    return Plain(image if mode == "RGB" else image.convert("RGB"), scale=scale)
