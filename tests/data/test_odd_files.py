"""Files that were found to be wrong in silence, or were refused without saying what they are."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest

from tests.data.drawn import bands01, distance, eight, refusal, shape01, shown, tiff_of
from tests.data.test_formats import npy_of

GREY, COLOR = shape01(1), bands01(3)


@pytest.mark.parametrize("bits", [2, 4, 6])
@pytest.mark.parametrize("picture", [GREY, COLOR], ids=["grey", "color"])
def test_samples_of_fewer_than_eight_bits_take_the_whole_range(
    bits: int, picture: np.ndarray
) -> None:
    pytest.importorskip("imagecodecs")
    levels = np.round(picture * (2**bits - 1)).astype(np.uint8)
    kind = "rgb" if picture.ndim == 3 else "minisblack"
    data = tiff_of(levels, bitspersample=bits, photometric=kind)
    assert distance(shown(data)[0], eight(levels / (2**bits - 1))) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["grey 16", "color 16", "5 bands"])
def test_all_kinds_of_tiff_are_upright(kind: str, orientation: int) -> None:
    picture = {"grey 16": GREY, "color 16": COLOR, "5 bands": bands01(5)}[kind][:32]
    options: dict[str, Any] = {"photometric": "rgb" if kind == "color 16" else "minisblack"}
    if picture.ndim == 3:
        options["planarconfig"] = "contig"
    values = np.round(picture * 65535).astype(np.uint16)
    data = tiff_of(values, extratags=[(274, "H", 1, orientation, True)], **options)
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90,
    }[orientation](picture)
    expected = eight(turned[..., :3] if picture.ndim == 3 else turned)
    assert distance(shown(data)[0], expected) < 1


def test_signed_samples_have_fifteen_bits() -> None:
    values = np.round(GREY * 32767).astype(np.int16)
    assert distance(shown(tiff_of(values))[0], eight(GREY)) < 1
    assert distance(shown(tiff_of(32767 - values, photometric="miniswhite"))[0], eight(GREY)) < 1


@pytest.mark.parametrize("low", [-1, 0])
@pytest.mark.parametrize("high", [1, 255])
def test_floats_in_a_usual_range_are_not_stretched(low: int, high: int) -> None:
    if (low, high) == (-1, 255):
        return
    values = (low + GREY * (high - low)).astype(np.float32)
    for data in (npy_of(values), tiff_of(values)):
        assert distance(shown(data)[0], eight(GREY)) < 1


@pytest.mark.parametrize("top", [31, 100, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("picture", [GREY, COLOR], ids=["grey", "color"])
def test_ppm_of_any_depth(top: int, text: bool, picture: np.ndarray) -> None:
    values = np.round(picture * top).astype(np.uint16)
    color = picture.ndim == 3
    mark = (b"P3" if color else b"P2") if text else (b"P6" if color else b"P5")
    head = mark + b"\n# a camera\n48 48\n%d\n" % top
    body = values.astype(">u2" if top > 255 else np.uint8).tobytes()
    if text:
        body = b" ".join(b"%d" % value for value in values.ravel())
    assert distance(shown(head + body)[0], eight(values / top)) < 1


def test_pfm() -> None:
    data = b"Pf\n48 48\n-1.0\n" + GREY[::-1].astype("<f4").tobytes()
    assert distance(shown(data)[0], eight(GREY)) < 1


@pytest.mark.parametrize("picture", [GREY, COLOR], ids=["grey", "color"])
def test_jpeg_ls(picture: np.ndarray) -> None:
    codecs = pytest.importorskip("imagecodecs")
    for bits in (8, 12, 16):
        values = np.round(picture * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
        assert distance(shown(codecs.jpegls_encode(values))[0], eight(picture)) < 1


def test_a_volume_of_one_slice() -> None:
    nibabel = pytest.importorskip("nibabel")
    values = np.round(GREY * 1000).astype(np.int16)
    image = nibabel.Nifti1Image(values, np.eye(4))
    (picture,) = shown(image.to_bytes(), "0:1000")
    assert distance(picture, eight(GREY[::-1, ::-1].T)) < 1


def test_the_preview_of_a_raw_photograph_is_not_used() -> None:
    import tifffile

    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(eight(COLOR), photometric="rgb", subifds=1, subfiletype=1)
        file.write(np.round(GREY * 4095).astype(np.uint16), subfiletype=0)
    for data in (
        buffer.getvalue(),
        tiff_of(eight(COLOR), extratags=[(50706, "B", 4, (1, 4, 0, 0), True)]),
        b"II*\0\x10\0\0\0CR\x02\0" + b"\0" * 99,
    ):
        error = refusal(data)
        assert error.reason == "not_an_image"
        assert "raw photograph" in error.message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"P7\nWIDTH 64\n", "PAM"),
        (b"PF\n64 64\n-1.0\n", "PFM"),
        (b"qoif" + b"\0" * 20, "QOI"),
        (b"\x76\x2f\x31\x01" + b"\0" * 20, "OpenEXR"),
        (b"#?RADIANCE\n", "Radiance"),
        (b"DDS " + b"\0" * 200, "texture"),
        (b"II\xbc\x01" + b"\0" * 20, "JPEG XR"),
        (b"NRRD0004\n", ".nii.gz"),
        (b"ObjectType = Image\nNDims = 3\n", "MetaImage"),
        (struct.pack("<i", 348) + b"\0" * 344, "pair"),
        (struct.pack(">i", 348) + b"\0" * 344, "pair"),
        (b"ZISRAWFILE" + b"\0" * 99, "OME-TIFF"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"\0\0\0\x20ftypiso5" + b"\0" * 99, "video"),
        (b"\0" * 200 + b"TRUEVISION-XFILE.\0", "Targa"),
        ('{"größe": 1}'.encode(), "a text"),
        (("ä" * 600).encode(), "a text"),
        (b"a,b\r\n1,2\r\n", "a text"),
    ],
)
def test_more_files_are_named_by_what_they_are(data: bytes, says: str) -> None:
    assert says in refusal(data).message
