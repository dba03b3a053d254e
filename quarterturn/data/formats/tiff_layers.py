"""TIFF with bands, channels in pages of their own, and samples of any type, by tifffile."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.formats import tiff_tags as tags
from quarterturn.data.formats.bands import choose_bands
from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import UnusableImageError, check_size

if TYPE_CHECKING:
    import tifffile

_PLANE = "YXSC"
#: Grey, inverted or not, RGB, and raw linear values; JPEG turns its own colors into RGB.
_PLAIN_COLORS, _YCBCR, _JPEG = (0, 1, 2, 34892), 6, 7


def read_layers(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """Each picture of each series of a file; channels and samples are its bands.

    Raises:
        UnusableImageError: `needs_extra`, `damaged`, `unsupported_mode` or what the sizes give.
    """
    try:
        import tifffile
    except ImportError:
        raise needs_extra(_described(data), "tiff") from None
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            found = [series for series in file.series if not series.keyframe.is_reduced]
            several = len(found) > 1 or any(_frames(series) > 1 for series in found)
            number = 0
            for series in found:
                for values in _planes(series, options):
                    number += 1
                    label = f"#{number}" if several else ""
                    yield _picture(values, series.keyframe, label, options)
    except (UnusableImageError, MemoryError):
        raise
    except Exception as error:
        if "imagecodecs" in str(error):
            raise needs_extra("a TIFF whose compression Pillow does not know", "tiff") from None
        raise UnusableImageError("damaged", f"a TIFF that cannot be decoded: {error}") from None


def _described(data: bytes) -> str:
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)) as image:
            page = image.tag_v2  # type: ignore[attr-defined]
            bands = int(tags.first_number(page, tags.CHANNELS, 1))
            bits = int(tags.first_number(page, tags.BITS, 8))
            return f"a TIFF of {bands} bands of {bits} bits"
    except Exception:
        return "a TIFF of many bands, or of samples that Pillow does not know"


def _frames(series: tifffile.TiffPageSeries) -> int:
    sizes = zip(series.axes, series.shape, strict=True)
    return int(np.prod([size for axis, size in sizes if axis not in _PLANE], dtype=int))


def _planes(series: tifffile.TiffPageSeries, options: ReadOptions) -> Iterator[NDArray[np.generic]]:
    """Pictures (h, w, c) of a series, page by page where pages are stored one by one."""
    axes, shape = series.axes, series.shape
    if "Y" not in axes or "X" not in axes:
        raise UnusableImageError("unsupported_mode", f"a TIFF whose axes are {axes}")
    check_size(shape[axes.index("X")], shape[axes.index("Y")], options.limits)
    inner = len(series.keyframe.shape)
    outer, page_axes = axes[:-inner], axes[-inner:]
    whole = len(series.pages) != int(np.prod(shape[:-inner], dtype=int))
    if whole or page_axes != series.keyframe.axes:
        outer, page_axes = "", axes
    sizes = [range(size) for axis, size in zip(outer, shape, strict=False) if axis != "C"]
    channels = [axis == "C" for axis in outer]
    for place in product(*sizes):
        if not outer:
            values = series.asarray()
            yield from _unstacked(values, axes)
            return
        rest = iter(place)
        index = [slice(None) if channel else next(rest) for channel in channels]
        numbers = np.arange(len(series.pages)).reshape(shape[: len(outer)])[tuple(index)]
        pages = [series.pages[int(at)] for at in np.atleast_1d(numbers)]
        if any(page is None for page in pages):
            raise UnusableImageError("damaged", "a TIFF without some of its pages")
        planes = [_last(page.asarray(), page_axes) for page in pages if page is not None]
        yield np.concatenate(planes, axis=2)


def _last(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """(h, w, c) of an array of these axes, of which only Y, X, S and C are longer than one."""
    order = [axes.index("Y"), axes.index("X")]
    rest = [at for at in range(len(axes)) if at not in order]
    moved = values.transpose(*order, *rest)
    return moved.reshape(*moved.shape[:2], -1)


def _unstacked(values: NDArray[Any], axes: str) -> Iterator[NDArray[Any]]:
    outer = [at for at, axis in enumerate(axes) if axis not in _PLANE]
    inner = [at for at, axis in enumerate(axes) if axis in _PLANE]
    moved = values.transpose(*outer, *inner)
    names = "".join(axes[at] for at in inner)
    for plane in moved.reshape(-1, *moved.shape[len(outer) :]):
        yield _last(plane, names)


def _picture(
    values: NDArray[Any], page: tifffile.TiffPage, label: str, options: ReadOptions
) -> Picture:
    if values.dtype.kind not in "biuf":
        raise UnusableImageError(
            "unsupported_mode", f"samples of type {values.dtype}; save real numbers"
        )
    colors, name = int(page.photometric), getattr(page.photometric, "name", "unknown")
    if colors not in _PLAIN_COLORS and not (colors == _YCBCR and int(page.compression) == _JPEG):
        raise UnusableImageError("unsupported_mode", f"a TIFF of {name} colors; save it as RGB")
    values, notes = choose_bands(values, options.bands)
    values = _upright(values, page)
    inverted = colors == 0
    if values.dtype in (np.uint8, np.bool_):
        bits = 1 if values.dtype == np.bool_ else min(8, int(page.bitspersample))
        eight = _widened(values.astype(np.uint8), bits)
        eight = 255 - eight if inverted else eight
        return Plain(Image.fromarray(eight).convert("RGB"), label, notes)
    known = _tags_of(page)
    return Samples(
        values,
        label,
        notes,
        bits=tags.stated_range(known, int(page.bitspersample)),
        inverted=inverted,
        nodata=tags.nodata_of(known),
        georeferenced=tags.is_map(known),
    )


def _widened(values: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Samples of fewer bits as samples of eight."""
    top = 2**bits - 1
    table: NDArray[np.uint8] = np.rint(np.arange(256) * (255 / top)).clip(0, 255).astype(np.uint8)
    return table[values]


def _upright(values: NDArray[Any], page: tifffile.TiffPage) -> NDArray[Any]:
    """Turned as the file says that it is to be shown."""
    tag = page.tags.get(tags.ORIENTATION)
    orientation = int(tag.value) if tag is not None and isinstance(tag.value, int) else 1
    if orientation in (5, 6, 7, 8):
        values = values.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        values = values[::-1]
    if orientation in (2, 3, 6, 7):
        values = values[:, ::-1]
    return np.ascontiguousarray(values)


def _tags_of(page: tifffile.TiffPage) -> Any:
    return {tag.code: tag.value for tag in page.tags if tag.code in tags.OF_SAMPLES}
