"""Which reader takes which file. A format is added by a file of its own and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from quarterturn.data.formats import (
    arrays,
    cifar,
    codecs,
    dicom,
    heif,
    nifti,
    parquet,
    pillow,
    tiff,
)
from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.formats.unknown import refuse_packed, refuse_unknown
from quarterturn.data.formats.unpack import is_gzip, peek_gzip, unpack_gzip
from quarterturn.data.picture import Picture
from quarterturn.data.unusable import UnusableImageError

Reader = Callable[[bytes, ReadOptions], Iterator[Picture]]
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(frozen=True)
class Format:
    """A format: whether a file is of it, and its pictures; `extra` is what must be installed."""

    name: str
    recognizes: Callable[[bytes], bool]
    read: Reader
    extra: str | None = None


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(marks)


def _pillow(kind: str) -> Reader:
    return partial(pillow.read_pillow, kind)


def _read_parquet(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of all rows; the first that cannot be used ends it."""
    for row, file in parquet.image_files(data, options):
        if file is None:
            raise parquet.no_file()
        for picture in read_pictures(file, options):
            yield replace(picture, label=f"#{row + 1}{picture.label}")


#: The first that recognizes a file reads it. What stands in front of DICOM's mark may look like a
#: TIFF, so that comes first.
FORMATS: tuple[Format, ...] = (
    Format("DICOM", dicom.is_dicom, dicom.read_dicom, "medical"),
    Format("JPEG", _starts(b"\xff\xd8\xff"), codecs.read_jpeg),
    Format("PNG", _starts(b"\x89PNG\r\n\x1a\n"), _pillow("PNG")),
    Format("TIFF", _starts(*_TIFF), tiff.read_tiff, "tiff"),
    Format("WebP", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _pillow("WEBP")),
    Format("BMP", _starts(b"BM"), _pillow("BMP")),
    Format("GIF", _starts(b"GIF87a", b"GIF89a"), _pillow("GIF")),
    Format("JPEG 2000", _starts(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), codecs.read_jpeg2000),
    Format(
        "AVIF",
        lambda data: data[4:8] == b"ftyp" and b"avi" in data[8:40] and not heif.is_heif(data),
        _pillow("AVIF"),
    ),
    Format("HEIC", heif.is_heif, heif.read_heif, "heic"),
    Format("NumPy .npy", arrays.is_npy, arrays.read_npy),
    Format("NumPy .npz", arrays.is_npz, arrays.read_npz),
    Format("MNIST", arrays.is_idx, arrays.read_idx),
    Format("parquet", parquet.is_parquet, _read_parquet, "parquet"),
    Format("CIFAR, Python", cifar.is_pickle, cifar.read_pickle),
    Format("DICOM without preamble", dicom.is_bare, dicom.read_dicom, "medical"),
    Format("NIfTI", nifti.is_nifti, nifti.read_nifti, "medical"),
    Format(
        "PPM, PGM, PBM",
        lambda data: data[:1] == b"P" and data[1:2] in b"123456f" and data[2:3].isspace(),
        _pillow("PPM"),
    ),
    Format("CIFAR, binary", cifar.is_binary, cifar.read_binary),
)


def format_of(data: bytes) -> Format | None:
    """The format of a file that is not packed, or None."""
    return next((form for form in FORMATS if form.recognizes(data)), None)


def read_pictures(data: bytes, options: ReadOptions) -> Iterator[Picture]:
    """The pictures of a file, also of one packed by gzip alone (.nii.gz, .dcm.gz).

    Raises:
        UnusableImageError: with the reason; pictures before the fault have been given.
    """
    form = format_of(data)
    try:
        if form is None and is_gzip(data):
            form = format_of(peek_gzip(data))
            if form is None:
                raise refuse_packed(data)
            data = unpack_gzip(data, options.limits)
        if form is None:
            raise refuse_unknown(data)
        some = False
        for picture in form.read(data, options):
            some = True
            yield picture
    except UnusableImageError:
        raise
    except MemoryError:
        raise UnusableImageError("too_much_memory", "needs more memory than allowed") from None
    if not some:
        raise UnusableImageError("no_picture", f"a file of {form.name} that holds no picture")
