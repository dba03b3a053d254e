"""Images that are made to do harm, by name, and the reason for which each is left out.

None stands for a file that is odd but harmless, and is used; WAITS for one that is used as soon as
the intensity range of the set is known.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

MAX_PIXELS = 1_000_000
WAITS = "waits"
_SIDE = 32


def picture(side: int = _SIDE, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels)


def file_of(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def png_of(
    width: int, height: int, data: bytes = b"", *, before: bytes = b"", kind: int = 2
) -> bytes:
    """A PNG that claims a size, whatever its data are."""
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = _chunk(b"IHDR", head) + before + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def blank_png(side: int) -> bytes:
    """A real, blank, transparent image that is far smaller than its pixels."""
    packer = zlib.compressobj(9)
    row = b"\0" * (4 * side + 1)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png_of(side, side, data, kind=6)


def _rows(width: int, height: int) -> bytes:
    return zlib.compress(b"\0" * (3 * width + 1) * height)


def _bmp(width: int, height: int, bits: int = 24, compression: int = 0) -> bytes:
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 3000, 0, 0, 54) + info + b"\0" * 3000


def _tiff(*tags: tuple[int, int, int, int], following: int = 0) -> bytes:
    """A little-endian TIFF with these (tag, type, count, value) entries."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return (
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    )


_TIFF = [
    (256, 4, 1, 32),
    (257, 4, 1, 32),
    (258, 3, 1, 8),
    (259, 3, 1, 1),
    (262, 3, 1, 1),
    (273, 4, 1, 8),
    (277, 3, 1, 1),
    (278, 4, 1, 32),
    (279, 4, 1, 1024),
]


def _tiff_but(*changes: tuple[int, int, int, int], following: int = 0) -> bytes:
    changed = {tag[0] for tag in changes}
    return _tiff(*(tag for tag in _TIFF if tag[0] not in changed), *changes, following=following)


def _huge_jpeg() -> bytes:
    data = bytearray(file_of(picture(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


def _huge_webp() -> bytes:
    data = bytearray(file_of(picture(), "WEBP", lossless=True))
    at = data.index(b"VP8L") + 9
    data[at : at + 4] = struct.pack("<I", (16_383) | (16_383 << 14))
    return bytes(data)


def _texts() -> bytes:
    info = PngImagePlugin.PngInfo()
    for number in range(100):
        info.add_text(f"k{number}", "a" * 900_000, zip=True)
    return file_of(picture(), "PNG", pnginfo=info)


def _profile() -> bytes:
    packed = zlib.compress(b"\0" * 50_000_000)
    return png_of(32, 32, _rows(32, 32), before=_chunk(b"iCCP", b"x\0\0" + packed))


def _flipped(kind: str, seed: int) -> bytes:
    data = bytearray(file_of(picture(), kind))
    draws = random.Random(seed)
    for _ in range(40):
        data[draws.randrange(20, len(data))] = draws.randrange(256)
    return bytes(data)


def _npy(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    head = repr({"descr": kind, "fortran_order": False, "shape": shape}).ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def _blank(size: int, packer: Any) -> bytes:
    piece = b"\0" * 2**20
    return b"".join(packer.compress(piece) for _ in range(size // 2**20)) + packer.flush()


def _npz_bomb() -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("images.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(_npy((1024, 1024, 1024)))
        for _ in range(1024):
            stream.write(b"\0" * 2**20)
    return buffer.getvalue()


def _nifti_bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    head = bytearray(352)
    head[:4], head[344:348] = struct.pack("<i", 348), b"n+1\0"
    return packer.compress(bytes(head)) + _blank(2**30, packer)


def _dicom(side: int) -> bytes:
    """The least that a reader takes for a picture, of whatever size it claims."""
    elements = ((0x0010, side), (0x0011, side), (0x0100, 8), (0x0101, 8), (0x0002, 1))
    body = b"".join(
        struct.pack("<HH2sHH", 0x28, at, b"US", 2, value) for at, value in sorted(elements)
    )
    body += struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, 64) + b"\0" * 64
    syntax = b"1.2.840.10008.1.2.1\0"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    return b"\0" * 128 + b"DICM" + meta + body


_SVG = b"""<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text><image href="http://127.0.0.1/x"/></svg>"""
_EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n(/etc/passwd) (r) file\n%%EOF\n"

IMAGES: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "png: claims 60,000 x 60,000": (lambda: png_of(60_000, 60_000), "too_many_pixels"),
    "png: claims 2^31 x 1": (lambda: png_of(2**31 - 1, 1), "too_many_pixels"),
    "png: blank, of 4,000,000 pixels": (lambda: blank_png(2_000), "too_many_pixels"),
    "png: no width": (lambda: png_of(0, 32), "damaged"),
    "png: more data than pixels": (lambda: png_of(32, 32, _rows(32, 200_000)), None),
    "png: data of nothing": (lambda: png_of(32, 32, b""), "damaged"),
    "png: texts of 90 MB": (_texts, "damaged"),
    "png: colour profile of 50 MB": (_profile, "damaged"),
    "png: chunk of 2 GiB": (
        lambda: png_of(32, 32)[:33] + struct.pack(">I", 2**31 - 1) + b"IDATx",
        "damaged",
    ),
    "png: wrong checksum": (lambda: file_of(picture(), "PNG").replace(b"IHDR", b"IHDS"), "damaged"),
    "jpeg: claims 65,500 x 65,500": (_huge_jpeg, "too_many_pixels"),
    "jpeg: cut off": (lambda: file_of(picture(), "JPEG")[:300], "damaged"),
    "jpeg: orientation of nonsense": (
        lambda: file_of(picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 60),
        None,
    ),
    "webp: claims 16,384 x 16,384": (_huge_webp, "too_many_pixels"),
    "webp: cut off": (lambda: file_of(picture(), "WEBP")[:60], "damaged"),
    "bmp: claims 30,000 x 30,000": (lambda: _bmp(30_000, 30_000), "too_many_pixels"),
    "bmp: width below nothing": (lambda: _bmp(-32, 32), "too_many_pixels"),
    "bmp: run lengths of nonsense": (lambda: _bmp(900, 900, 8, 1), "damaged"),
    "tiff: claims 2^31 pixels": (lambda: _tiff_but((256, 4, 1, 2**20)), "too_many_pixels"),
    "tiff: directory of itself": (lambda: _tiff_but(following=8) + b"\0" * 1024, None),
    "tiff: strip beyond the end": (lambda: _tiff_but((273, 4, 1, 2**31)), "damaged"),
    "tiff: 2^30 strips": (lambda: _tiff_but((273, 4, 2**30, 8)), "damaged"),
    "tiff: 4 GiB of text": (lambda: _tiff_but((270, 2, 2**32 - 1, 8)) + b"\0" * 1024, None),
    "tiff: 60,000 tags": (
        lambda: b"II*\0\x08\0\0\0" + struct.pack("<H", 60_000) + b"\0" * 100,
        "damaged",
    ),
    "tiff: floating point": (lambda: file_of(Image.new("F", (32, 32)), "TIFF"), WAITS),
    "gif": (lambda: file_of(picture(), "GIF"), None),
    "ico": (lambda: file_of(picture(), "ICO"), "not_an_image"),
    "ppm": (lambda: file_of(picture(), "PPM"), None),
    "tga": (lambda: file_of(picture(), "TGA"), "not_an_image"),
    "pdf": (lambda: file_of(picture(), "PDF"), "not_an_image"),
    "jpeg 2000": (lambda: file_of(picture(), "JPEG2000"), None),
    "eps that reads a file": (lambda: _EPS, "not_an_image"),
    "svg that reads a file and an address": (lambda: _SVG, "not_an_image"),
    "fits": (lambda: b"SIMPLE  =                    T".ljust(2880), "not_an_image"),
    "script": (lambda: b"#!/bin/sh\ntouch /tmp/escape.png\n", "not_an_image"),
    "pickle": (lambda: b"\x80\x04cos\nsystem\n(S'touch /tmp/escape.png'\ntR.", "not_an_image"),
    "npy: claims 2^40 values": (lambda: _npy((2**20, 2**20)), "too_much_memory"),
    "npy: of objects": (
        lambda: _npy((4,), "|O") + b"\x80\x04cos\nsystem\n(S'touch /tmp/escape.png'\ntR.",
        "unsupported_mode",
    ),
    "npz: of 1 GB of nothing": (_npz_bomb, "file_too_large"),
    "nii.gz: of 1 GB of nothing": (_nifti_bomb, "file_too_large"),
    "dicom: claims 60,000 x 60,000": (lambda: _dicom(60_000), "too_many_pixels"),
    "dicom: a mark and nothing else": (lambda: b"\0" * 128 + b"DICM", "no_picture"),
    "dicom: 4 GiB of one value": (
        lambda: b"\0" * 128 + b"DICM\x10\x00\x10\x00UN\0\0\xfe\xff\xff\xff",
        "any",
    ),
    "heic: nothing but a mark": (lambda: b"\0\0\0\x18ftypheic" + b"\0" * 100, "damaged"),
    "avif: nothing but a mark": (lambda: b"\0\0\0\x18ftypavif" + b"\0" * 100, "damaged"),
    "jpeg 2000: cut off": (lambda: file_of(picture(), "JPEG2000")[:200], "damaged"),
    "mnist: claims 2^96 values": (lambda: b"\0\0\x08\x03" + b"\xff" * 40, "damaged"),
    "one pixel": (lambda: file_of(picture(1), "PNG"), "too_small"),
    **{
        f"{kind.lower()}: bytes changed, {seed}": (
            lambda kind=kind, seed=seed: _flipped(kind, seed),
            "any",  # type: ignore[misc]
        )
        for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
        for seed in range(8)
    },
}
