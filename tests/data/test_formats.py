"""Everyday formats and arrays, each by its first bytes."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quarterturn.data.asked import picture_options
from quarterturn.data.decode import decode, fit_square, open_rgb
from quarterturn.data.formats import FORMATS, ReadOptions, format_of, read_pictures
from quarterturn.data.picture import Plain
from tests.data.drawn import (
    LIMITS,
    bands01,
    distance,
    eight,
    file_of,
    refusal,
    shape01,
    shown,
    tiff_of,
)

COLOR = bands01(3)
GREY = shape01(1)


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PPM", {}, 0),
        ("JPEG2000", {"irreversible": False}, 0),
        ("AVIF", {"quality": 95}, 3),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 3),
        ("JPEG", {"quality": 95, "progressive": True}, 3),
    ],
)
def test_everyday_formats(kind: str, options: dict[str, Any], tolerance: float) -> None:
    for values in (eight(COLOR), eight(GREY)):
        data = file_of(values, kind, **options)
        assert distance(shown(data)[0], values) <= tolerance


def test_heic_of_phones() -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.fromarray(eight(COLOR))
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95)
    assert distance(shown(buffer.getvalue())[0], eight(COLOR)) < 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_the_first_frame_of_an_animation_is_used_and_said(kind: str) -> None:
    frames = [Image.fromarray(eight(shape01(seed))) for seed in range(3)]
    buffer = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **options)
    (picture,) = read_pictures(buffer.getvalue(), ReadOptions(LIMITS))
    assert picture.notes == ("animated",)
    assert distance(np.asarray(picture.image), eight(shape01(0))) < 4  # type: ignore[union-attr]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_end_marker_is_whole(options: dict[str, Any]) -> None:
    data = file_of(eight(COLOR), "JPEG", quality=90, **options)
    assert data.endswith(b"\xff\xd9")
    whole = shown(data)[0]
    assert np.array_equal(shown(data[:-2])[0], whole)
    assert np.array_equal(shown(data[:-1])[0], whole)
    for cut in (len(data) // 2, len(data) - 100):
        error = refusal(data[:cut])
        assert error.reason == "damaged"
        assert "rows are missing" in error.message or "again" in error.message


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_what_follows_the_end_of_a_jpeg_is_left_alone(options: dict[str, Any]) -> None:
    data = file_of(eight(COLOR), "JPEG", quality=90, **options)
    video = b"\0\0\0\x18ftypmp42" + np.random.default_rng(0).bytes(20_000).replace(b"\xff", b"")
    for more in (b"\0" * 9000, video):
        assert np.array_equal(shown(data + more)[0], shown(data)[0])
    never_filled = refusal(data[: len(data) // 2] + b"\0" * 9000)
    assert never_filled.reason == "damaged"
    assert "download it again" in never_filled.message


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("picture", [GREY, COLOR], ids=["grey", "color"])
def test_more_than_eight_bits(bits: int, picture: np.ndarray) -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = np.round(picture * (2**bits - 1)).astype(np.uint16)
    for data in (
        codecs.png_encode(values),
        codecs.jpeg2k_encode(values, bitspersample=bits, reversible=True, level=0),
        tiff_of(values, compression="zlib"),
        tiff_of(values, compression="zstd"),
        tiff_of(values, compression="lzw", predictor=True, bigtiff=True, byteorder=">"),
    ):
        assert distance(shown(data)[0], eight(picture)) < 1, data[:12]


def test_large_photographs_are_decoded_by_their_own_scaling() -> None:
    scene = np.asarray(Image.fromarray(eight(COLOR)).resize((2600, 2000), Image.Resampling.BICUBIC))
    data = file_of(scene, "JPEG", quality=90)
    limits = replace(LIMITS, max_pixels=10_000_000)
    (small,) = read_pictures(data, ReadOptions(limits, enough=320))
    (whole,) = read_pictures(data, ReadOptions(limits))
    assert isinstance(small, Plain)
    assert isinstance(whole, Plain)
    assert (small.scale, small.image.size, small.size) == (4, (650, 500), whole.size)
    pair = [np.asarray(fit_square(picture.image, 64, "crop")) for picture in (small, whole)]
    assert distance(*pair) < 1.5
    short = file_of(scene[:600], "JPEG", quality=90)
    (picture,) = read_pictures(short, ReadOptions(limits, enough=320))
    assert np.array_equal(np.asarray(picture.image), shown_whole(short))  # type: ignore[union-attr]


def shown_whole(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_jpeg_of_twelve_bits() -> None:
    codecs = pytest.importorskip("imagecodecs")
    values = np.round(GREY * 4095).astype(np.uint16)
    data = codecs.jpeg_encode(values, bitspersample=12, level=95)
    assert distance(shown(data)[0], eight(GREY)) < 3


def test_sixteen_bits_with_transparency() -> None:
    codecs = pytest.importorskip("imagecodecs")
    for picture in (COLOR, GREY[..., None]):
        values = np.round(picture * 65535).astype(np.uint16)
        alpha = np.full((*values.shape[:2], 1), 65535, np.uint16)
        alpha[:10] = 0
        result = shown(codecs.png_encode(np.concatenate((values, alpha), axis=2)))[0]
        assert (result[:10] == 128).all()
        expected = eight(picture if picture.shape[2] == 3 else picture[..., 0])
        assert distance(result[10:], expected[10:]) < 1


def npz_of(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def npy_of(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (eight(GREY), 1),
        (eight(COLOR), 1),
        (np.moveaxis(eight(COLOR), 2, 0), 1),
        (eight(bands01(9)), 1),
        (np.stack([eight(shape01(s)) for s in range(20)]), 20),
        (np.stack([eight(bands01(3))] * 5), 5),
        (np.moveaxis(np.stack([eight(bands01(3))] * 5), 3, 1), 5),
        (GREY.astype(np.float32), 1),
        (np.round(GREY * 4095).astype(">u2"), 1),
        (GREY > 0.5, 1),
    ],
)
def test_arrays(values: np.ndarray, count: int) -> None:
    pictures = shown(npy_of(values))
    assert len(pictures) == count
    assert pictures[0].shape == (48, 48, 3)


def test_archives_of_arrays_as_medmnist_writes_them() -> None:
    images = np.stack([eight(shape01(seed, 28)) for seed in range(12)])
    labels = np.zeros((12, 1), np.uint8)
    data = npz_of(
        train_images=images[:8],
        train_labels=labels[:8],
        test_images=images[8:],
        test_labels=labels[8:],
    )
    pictures = shown(data)
    assert len(pictures) == 12
    assert np.array_equal(pictures[0][..., 0], images[0])
    assert refusal(npz_of(labels=labels)).reason == "no_picture"


def test_mnist() -> None:
    images = np.stack([eight(shape01(seed, 28)) for seed in range(12)])
    data = b"\0\0\x08\x03" + struct.pack(">III", 12, 28, 28) + images.tobytes()
    for file in (data, gzip.compress(data)):
        assert np.array_equal(np.stack(shown(file))[..., 0], images)


def test_plain_files_are_decoded_as_ever() -> None:
    """To the last bit: sets that were ingested before keep their digests."""
    for mode in ("RGB", "L", "P", "RGBA", "1", "CMYK"):
        image = Image.fromarray(eight(COLOR)).convert(mode)
        for kind in ("PNG", "TIFF", "BMP", "JPEG"):
            buffer = io.BytesIO()
            try:
                image.save(buffer, kind)
            except OSError:
                continue
            with Image.open(io.BytesIO(buffer.getvalue())) as opened:
                expected = opened.convert("RGB")
            assert np.array_equal(np.asarray(open_rgb(buffer.getvalue(), LIMITS)), expected)
    raw = eight(COLOR)
    assert decode(file_of(raw, "PNG"), 32, LIMITS).digest.hex() == DIGEST


#: As decoding made it before there were ranges.
DIGEST = "c7c7171b760ccfc90c67b8265848fc5e"


def test_each_fit_keeps_what_it_says() -> None:
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, :20] = 255
    data = file_of(wide, "PNG")
    results = {
        fit: decode(data, 40, LIMITS, picture_options(fit=fit)).pixels.mean()
        for fit in ("crop", "pad", "stretch")
    }
    assert results["crop"] == 0
    assert results["stretch"] == pytest.approx(255 / 4, abs=2)
    assert results["pad"] == pytest.approx(255 / 8, abs=2)


@pytest.mark.parametrize(
    ("data", "reason", "says"),
    [
        (b"", "not_an_image", "empty"),
        (b"PAR1" + b"\0" * 99, "damaged", "parquet"),
        (b"\0" * 16 + b"\xde\xc0\xef\xbe", "unsupported_container", "LMDB"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git_lfs_pointer", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web_page", "login"),
        (b"\n <html><body>", "web_page", "web page"),
        (b"\xef\xbb\xbf<!doctype html>", "web_page", "login"),
        (b"<!-- moved --><html><body>", "web_page", "login"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied", "not_an_image", "refuse"),
        (b'{"error": "quota exceeded"}', "not_an_image", "download it again"),
        (b"\xef\xbb\xbfname,label\n1,2\n", "not_an_image", "leave it out"),
        (b"\x93\x12" * 200, "not_an_image", "leave it out"),
        (npy_of(np.zeros((60, 3072))), "no_picture", "reshape"),
        (npy_of(np.zeros((9, 9, 9), complex)), "unsupported_mode", "save numbers"),
        (b"7z\xbc\xaf\x27\x1c", "nested_archive", "7z"),
        (b"Rar!\x1a\x07", "nested_archive", "rar"),
        (b"\x89HDF\r\n\x1a\n", "unsupported_container", ".npy"),
        (b"%PDF-1.7", "not_an_image", "PDF"),
        (b"\0\0\0\x18ftypmp42", "not_an_image", "video"),
        (b"\x80\x04\x95", "not_an_image", "never run"),
        (b"<?xml version='1.0'?><svg>", "not_an_image", "SVG"),
        (gzip.compress(b"hello", mtime=0), "not_an_image", "packed as .gz"),
        (b"hello", "not_an_image", "DICOM"),
        (b"\0" * 300, "not_an_image", "zeros"),
        (file_of(eight(COLOR), "TIFF")[:60], "damaged", "TIFF"),
    ],
)
def test_a_file_is_named_by_what_it_is(data: bytes, reason: str, says: str) -> None:
    error = refusal(data)
    assert error.reason == reason
    assert says in error.message


def test_archives_within_archives_are_named() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", b"x")
    assert refusal(buffer.getvalue()).reason == "nested_archive"


def test_limits_are_named_by_their_settings() -> None:
    error = refusal(file_of(np.zeros((1100, 1000), np.uint8), "PNG"))
    assert error.reason == "too_many_pixels"
    assert "1000000" in error.message
    assert "max_image_pixels" in error.message
    assert "min_image_side" in refusal(file_of(np.zeros((4, 40), np.uint8), "PNG")).message


def test_each_format_is_recognized_by_itself_alone() -> None:
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    found = format_of(file_of(eight(COLOR), "PNG"))
    assert found is not None
    assert found.name == "PNG"
