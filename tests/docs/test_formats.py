"""docs/formats.md: its table is what these files turn into, here and now."""

from __future__ import annotations

import gzip
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from quarterturn.data.formats import FORMATS, format_of
from quarterturn.data.formats.unpack import is_gzip, peek_gzip
from tests.data.drawn import bands01, distance, eight, file_of, shape01, shown, tiff_of
from tests.data.test_containers import parquet_of
from tests.data.test_formats import npy_of, npz_of
from tests.data.test_medical import dicom_of, nifti_of
from tests.docs.texts import read

GREY, COLOR, MANY = shape01(1), bands01(3), bands01(13)
SHOWN = eight(bands01(3, 32))
SMALL = np.ascontiguousarray(np.moveaxis(SHOWN, 2, 0))


@dataclass(frozen=True)
class Case:
    """A file, what is expected of it, and the window that it needs."""

    what: str
    make: Callable[[], bytes]
    expected: np.ndarray
    window: str | None = None


def _deep(picture: np.ndarray, bits: int) -> np.ndarray:
    return np.round(picture * (2**bits - 1)).astype(np.uint16)


def _heic() -> bytes:
    import io

    import pillow_heif
    from PIL import Image

    buffer = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(eight(COLOR))).save(buffer, quality=95)
    return buffer.getvalue()


def _codec(name: str, picture: np.ndarray, bits: int, **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        import imagecodecs

        data: bytes = getattr(imagecodecs, name)(_deep(picture, bits), **options)
        return data

    return make


def _plain(kind: str, **options: Any) -> Callable[[], bytes]:
    return lambda: file_of(eight(COLOR), kind, **options)


CASES: dict[str, tuple[Case, ...]] = {
    "JPEG": (
        Case("8 bits", _plain("JPEG", quality=95), eight(COLOR)),
        Case("no end marker", lambda: file_of(eight(COLOR), "JPEG", quality=95)[:-2], eight(COLOR)),
        Case("12 bits", _codec("jpeg_encode", GREY, 12, bitspersample=12, level=95), eight(GREY)),
    ),
    "PNG": (
        Case("8 bits", _plain("PNG"), eight(COLOR)),
        Case("12 and 16 bits, grey", lambda: file_of(_deep(GREY, 12), "PNG"), eight(GREY)),
        Case("12 and 16 bits, color", _codec("png_encode", COLOR, 12), eight(COLOR)),
    ),
    "WebP": (Case("8 bits", _plain("WEBP", lossless=True), eight(COLOR)),),
    "BMP": (Case("8 bits", _plain("BMP"), eight(COLOR)),),
    "GIF": (Case("first frame", lambda: file_of(eight(GREY), "GIF"), eight(GREY)),),
    "PPM, PGM, PBM": (Case("8 bits", _plain("PPM"), eight(COLOR)),),
    "AVIF": (Case("8 bits", _plain("AVIF", quality=95), eight(COLOR)),),
    "HEIC": (Case("8 bits", _heic, eight(COLOR)),),
    "JPEG 2000": (
        Case("8 bits", _plain("JPEG2000"), eight(COLOR)),
        Case(
            "12 bits",
            _codec("jpeg2k_encode", COLOR, 12, bitspersample=12, reversible=True, level=0),
            eight(COLOR),
        ),
    ),
    "TIFF": (
        Case("8 bits", _plain("TIFF"), eight(COLOR)),
        Case("12, 14, 16 bits", lambda: tiff_of(_deep(GREY, 14)), eight(GREY)),
        Case("32-bit floats", lambda: tiff_of(GREY.astype(np.float32)), eight(GREY)),
        Case(
            "13 bands",
            lambda: tiff_of(_deep(MANY, 16), photometric="minisblack", planarconfig="contig"),
            eight(MANY[..., :3]),
        ),
        Case(
            "OME layers",
            lambda: tiff_of(np.moveaxis(_deep(MANY, 16), 2, 0), ome=True, metadata={"axes": "CYX"}),
            eight(MANY[..., :3]),
        ),
        Case(
            "pages",
            lambda: tiff_of(np.stack([eight(GREY)] * 4), photometric="minisblack"),
            eight(GREY),
        ),
    ),
    "DICOM": (
        Case("12 bits", lambda: dicom_of(_deep(GREY, 12), BitsStored=12), eight(GREY)),
        Case("colors", lambda: dicom_of(eight(COLOR)), eight(COLOR)),
        Case(
            "frames",
            lambda: dicom_of(np.stack([_deep(GREY, 12)] * 3), BitsStored=12),
            eight(GREY),
        ),
    ),
    "NIfTI": (
        Case(
            ".nii.gz",
            lambda: nifti_of(np.round(GREY * 1000).astype(np.int16)[..., None]),
            eight(GREY[::-1, ::-1].T),
            "0:1000",
        ),
    ),
    "NumPy .npy": (Case("any numbers", lambda: npy_of(_deep(GREY, 12)), eight(GREY)),),
    "NumPy .npz": (Case("any numbers", lambda: npz_of(images=_deep(GREY, 12)), eight(GREY)),),
    "MNIST": (
        Case(
            "8 bits",
            lambda: gzip.compress(
                b"\0\0\x08\x03" + struct.pack(">III", 1, 48, 48) + eight(GREY).tobytes()
            ),
            eight(GREY),
        ),
    ),
    "CIFAR, Python": (
        Case("8 bits", lambda: pickle.dumps({b"data": SMALL.reshape(1, -1)}, 2), SHOWN),
    ),
    "CIFAR, binary": (Case("8 bits", lambda: (b"\7" + SMALL.tobytes()) * 10, SHOWN),),
    "parquet": (
        Case("a column of image files", lambda: parquet_of([_plain("PNG")()]), eight(COLOR)),
    ),
}
#: What is read by no file of its own above.
ALIKE = {"DICOM without preamble"}


def _needs(name: str) -> str:
    extra = next(form.extra for form in FORMATS if form.name == name)
    return f"`quarterturn[{extra}]`" if extra and name != "TIFF" else "-"


def table() -> list[str]:
    """The lines of docs/formats.md."""
    return [
        f"| {name} | {'; '.join(case.what for case in cases)} | {_needs(name)} |"
        for name, cases in CASES.items()
    ]


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, cases in CASES.items() for case in cases],
    ids=[f"{name}: {case.what}" for name, cases in CASES.items() for case in cases],
)
def test_each_line_of_the_table(name: str, case: Case) -> None:
    data = case.make()
    form = format_of(peek_gzip(data) if is_gzip(data) else data)
    assert form is not None
    assert form.name == name
    assert distance(shown(data, case.window)[0], case.expected) < 3


def test_the_table_is_that_of_the_tests() -> None:
    lines = [line for line in read("docs/formats.md").splitlines() if line.startswith("| ")]
    assert lines[1:] == table()
    assert set(CASES) | ALIKE == {form.name for form in FORMATS}
