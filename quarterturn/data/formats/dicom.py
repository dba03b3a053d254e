"""DICOM: frames with modality and value-of-interest tables applied.

Nothing of the header but the numbers of the pixels leaves this file: no names, dates or texts, and
none of the messages of the reader, which may quote them.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.formats.options import ReadOptions, needs_extra
from quarterturn.data.picture import Picture, Plain, Samples
from quarterturn.data.unusable import UnusableImageError, check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_DEEPEST = (0.0, 65535.0)
#: Groups that come first in files without the 128 bytes and the mark in front.
_FIRST_GROUPS = (
    b"\x02\x00\x00\x00",
    b"\x08\x00\x00\x00",
    b"\x08\x00\x05\x00",
    b"\x08\x00\x08\x00",
    b"\x08\x00\x16\x00",
    b"\x08\x00\x01\x00",
)


def is_dicom(head: bytes) -> bool:
    """Whether a file begins with a preamble and the mark of DICOM."""
    return head[128:132] == b"DICM"


def is_bare(head: bytes) -> bool:
    """Whether a file begins as DICOM does that was written without preamble and mark."""
    return head.startswith(_FIRST_GROUPS)


def read_dicom(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The frames of a file.

    Raises:
        UnusableImageError: `needs_extra`, `no_picture`, `damaged`, `unsupported_compression` or
            what the sizes give.
    """
    try:
        import pydicom
        from pydicom import config
    except ImportError:
        raise needs_extra("a DICOM file", "medical") from None
    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
    try:
        header = pydicom.dcmread(io.BytesIO(data), force=True)
    except MemoryError:
        raise
    except Exception:
        raise _damaged() from None
    if not any(name in header for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise UnusableImageError(
            "no_picture", "a DICOM file without pixels (a report, a plan or a directory)"
        )
    try:
        check_size(int(header.Columns), int(header.Rows), options.limits)
        yield from _frames(header)
    except (UnusableImageError, MemoryError):
        raise
    except Exception as error:
        raise _undecodable(header, error) from None


def _damaged() -> UnusableImageError:
    return UnusableImageError("damaged", "a DICOM file that cannot be read; export it again")


def _undecodable(header: Dataset, error: Exception) -> UnusableImageError:
    """Without the message of the reader: it may quote what the header says."""
    try:
        syntax = header.file_meta.TransferSyntaxUID
        compressed = isinstance(error, RuntimeError | NotImplementedError) and syntax.is_compressed
        name = syntax.name if syntax.is_private is False else "of a private kind"
        missing = "missing dependencies" in str(error)
    except Exception:
        return _damaged()
    if missing:
        return needs_extra(f"a DICOM file compressed as {name[:60]}", "medical")
    if compressed:
        return UnusableImageError(
            "unsupported_compression",
            f"a DICOM file compressed as {name[:60]} in a way that cannot be decoded; export it "
            "uncompressed",
        )
    return _damaged()


def _frames(header: Dataset) -> Iterator[Picture]:
    from pydicom.pixels.utils import iter_pixels

    if "TransferSyntaxUID" not in getattr(header, "file_meta", {}):
        _assume_syntax(header)
    frames = int(header.get("NumberOfFrames") or 1)
    for number, values in enumerate(iter_pixels(header)):
        yield _picture(header, values, f"#{number + 1}" if frames > 1 else "", number)


def _assume_syntax(header: Dataset) -> None:
    """Files without the part in front say nothing of their coding; this one is the default."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    header.file_meta = FileMetaDataset()
    implicit = header.original_encoding[0]
    header.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )


def _picture(header: Dataset, values: NDArray[Any], label: str, number: int) -> Picture:
    from pydicom.pixels.processing import apply_color_lut

    kind = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
    if kind == "PALETTE COLOR":
        values = apply_color_lut(values, header)
        if values.dtype == np.uint16:
            deepest = int(header.RedPaletteColorLookupTableDescriptor[2])
            values = (values >> (8 if deepest > 8 else 0)).astype(np.uint8)
    if values.ndim == 3:
        return _color(header, values, label)
    return _grey(header, values, label, number, inverted=kind == "MONOCHROME1")


def _color(header: Dataset, values: NDArray[Any], label: str) -> Picture:
    if values.shape[2] > 3:
        values = values[..., :3]
    if values.dtype == np.uint8:
        return Plain(Image.fromarray(np.ascontiguousarray(values)), label)
    stored = int(header.get("BitsStored", 16))
    return Samples(values, label, bits=(0.0, 2.0**stored - 1))


def _ends(header: Dataset, values: NDArray[Any]) -> tuple[float, float] | None:
    """The lowest and highest value of the bits that are stored."""
    if values.dtype.kind == "f":
        return None
    stored = int(header.get("BitsStored", 8 * values.dtype.itemsize))
    if int(header.get("PixelRepresentation", 0)):
        return -(2.0 ** (stored - 1)), 2.0 ** (stored - 1) - 1
    return 0.0, 2.0**stored - 1


def _grey(
    header: Dataset, values: NDArray[Any], label: str, number: int, *, inverted: bool
) -> Picture:
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    bits = _ends(header, values)
    if bits is not None and bits[0] == 0 and values.dtype.kind == "u":
        values = values & values.dtype.type(int(bits[1]))  # overlays may lie in the bits above
    values = _padded(header, values)
    if header.get("VOILUTSequence"):
        values = apply_voi_lut(apply_modality_lut(values, header), header, prefer_lut=True)
        stored = int(header.VOILUTSequence[0].LUTDescriptor[2])
        whole = (0.0, 2.0**stored - 1)
        return _eight_or_deep(Samples(values, label, (), whole, whole, inverted))
    padding = header.get("PixelPaddingValue")
    nodata = float(padding) if isinstance(padding, int) else None
    if header.get("ModalityLUTSequence"):
        values = np.asarray(apply_modality_lut(values, header))
        bits = (0.0, 2.0 ** int(header.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
        nodata = None
    else:
        rescale = group_of(header, number, "PixelValueTransformationSequence")
        slope = float(rescale.get("RescaleSlope") or 1)
        intercept = float(rescale.get("RescaleIntercept") or 0)
        if (slope, intercept) != (1.0, 0.0):
            values = values * slope + intercept
            nodata = None if nodata is None else nodata * slope + intercept
            if bits is not None:
                first, last = sorted((bits[0] * slope + intercept, bits[1] * slope + intercept))
                bits = (first, last)
    shown = group_of(header, number, "FrameVOILUTSequence")
    window = _window(shown)
    if window is not None and str(shown.get("VOILUTFunction", "")) == "SIGMOID":
        ground = None if nodata is None else 0.0
        curve = _sigmoid(values, sum(window) / 2, window[1] - window[0], nodata)
        return Samples(curve, label, (), _DEEPEST, _DEEPEST, inverted, ground)
    return _eight_or_deep(Samples(values, label, (), bits, window, inverted, nodata))


def _padded(header: Dataset, values: NDArray[Any]) -> NDArray[Any]:
    """With one value for padding, where a range of values stands for it (PS3.3 C.7.5.1.1.2)."""
    value, limit = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    if not (isinstance(value, int) and isinstance(limit, int)):
        return values
    first, last = sorted((value, limit))
    return np.where((values >= first) & (values <= last), values.dtype.type(value), values)


def _sigmoid(
    values: NDArray[Any], center: float, width: float, nodata: float | None
) -> NDArray[np.uint16]:
    """Samples of 16 bits as the curve of a file shows its values (PS3.3 C.11.2.1.3.1)."""
    lowest = 0 if nodata is None else 1
    with np.errstate(over="ignore"):
        curve = 65535 / (1 + np.exp(-4 * (values.astype(np.float64) - center) / width))
    result: NDArray[np.uint16] = np.rint(curve).clip(lowest, 65535).astype(np.uint16)
    if nodata is not None:
        result[values == nodata] = 0
    return result


def group_of(header: Dataset, number: int, name: str) -> Dataset:
    """What holds for a frame: a group of its own, one of all frames, or the header itself."""
    for groups, place in (
        ("PerFrameFunctionalGroupsSequence", number),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        items = header.get(groups) or []
        if place < len(items) and items[place].get(name):
            found: Dataset = items[place][name].value[0]
            return found
    return header


def _eight_or_deep(picture: Samples) -> Picture:
    """A picture of 8 bits, where it is one as it is."""
    values, whole = picture.values, (0.0, 255.0)
    if values.dtype != np.uint8:
        return picture
    if picture.bits == whole and picture.window in (None, whole) and picture.nodata is None:
        grey = 255 - values if picture.inverted else values
        return Plain(Image.fromarray(grey).convert("RGB"), picture.label)
    # Fewer than eight bits, or a window of them.
    return replace(picture, values=values.astype(np.uint16))


def _window(header: Dataset) -> tuple[float, float] | None:
    """The values shown as black and white, of the first window (PS3.3 C.11.2.1.2)."""
    try:
        center, width = header.get("WindowCenter"), header.get("WindowWidth")
        center = center[0] if not isinstance(center, int | float | str) else center
        width = width[0] if not isinstance(width, int | float | str) else width
        center, width = float(center), float(width)
    except (TypeError, ValueError, IndexError):
        return None
    if not width > 1 or not np.isfinite([center, width]).all():
        return None
    if str(header.get("VOILUTFunction", "LINEAR")) in ("LINEAR_EXACT", "SIGMOID"):
        return center - width / 2, center + width / 2
    return center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
