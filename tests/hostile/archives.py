"""Archives that are made to do harm, by name: how each is made, and what becomes of it.

`refused` is the code of the refusal. `skipped` is the reason for which the file is left out, where
the rest of the archive is used.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

#: Of the settings that the corpus is tried with.
MAX_MEMBERS = 300
MAX_MEMBER_BYTES = 200_000
MAX_ARCHIVE_BYTES = 4_000_000
MAX_RATIO = 20
GOOD = 12


@dataclass(frozen=True)
class Case:
    """One archive."""

    make: Callable[[], bytes]
    refused: str | None = None
    skipped: str | None = None


def png(seed: int, side: int = 20) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


_IMAGES = {f"good/{n}.png": png(n) for n in range(GOOD)}


def zipped(
    files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, mode: int | None = None
) -> bytes:
    """A .zip; `mode` is the Unix mode of the files that are no good images."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if name in _IMAGES else method
            if mode is not None and name not in _IMAGES:
                info.external_attr = mode << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def _with(
    name: str, data: bytes, method: int = zipfile.ZIP_DEFLATED, mode: int | None = None
) -> Callable[[], bytes]:
    return lambda: zipped({name: data, **_IMAGES}, method, mode)


def _encrypted() -> bytes:
    data = bytearray(zipped({"secret.png": png(1), **_IMAGES}))
    data[6] |= 1  # the flag of the first local header, and of its entry
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    return bytes(data)


def _overlapping(entries: int = 200) -> bytes:
    """One file and many entries that all point at it."""
    data = zipped({"a.png": b"\0" * 150_000})
    start = data.index(b"PK\x01\x02")
    entry, end = data[start : data.index(b"PK\x05\x06")], data[-22:]
    end = end[:8] + struct.pack("<HHI", entries, entries, len(entry) * entries) + end[16:]
    return data[:start] + entry * entries + end


def _quoted() -> bytes:
    """The first file holds the header and the bytes of the second."""
    inner = zipped({"b.png": png(2)}, zipfile.ZIP_STORED)
    data = bytearray(zipped({"a.png": inner, "b.png": b"x"}, zipfile.ZIP_STORED))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 42 : entry + 46] = struct.pack("<I", data.index(b"PK\x03\x04", 4))
    return bytes(data)


def _many_entries() -> bytes:
    """A directory far larger than what the archive holds, which a count of 1 belies."""
    data = zipped({"a.png": b"x"})
    start = data.index(b"PK\x01\x02")
    entry, end = data[start : data.index(b"PK\x05\x06")], data[-22:]
    end = end[:8] + struct.pack("<HHI", 1, 1, len(entry) * 50_000) + end[16:]
    return data[:start] + entry * 50_000 + end


def _forged_size() -> bytes:
    """A file that claims to be small."""
    data = bytearray(zipped({"a.png": b"\0" * 150_000, **_IMAGES}))
    entry = data.index(b"PK\x01\x02")
    for place in (22, entry + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    return bytes(data)


def _tar(*members: tuple[tarfile.TarInfo, bytes], good: bool = True) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, data in _IMAGES.items() if good else ():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _special(kind: bytes, name: str = "special.png", link: str = "/etc/passwd") -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.devmajor, info.devminor = kind, link, 1, 5
    return _tar((info, b""))


def _header(kind: bytes, size: int, name: str = "a.png") -> bytes:
    """A bare header that claims a size."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _negative_size() -> bytes:
    """Points back at itself; readers without a check go round for ever."""
    header = bytearray(_header(tarfile.REGTYPE, 0))
    header[124:136] = (-1024).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header) + _tar()


def _sparse() -> bytes:
    info = tarfile.TarInfo("sparse.png")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": "sparse.png",
        "GNU.sparse.realsize": str(2**40),
    }
    return _tar((info, b"1\n0\n0\n".ljust(512, b"\0")))


def _sparse_map() -> bytes:
    """A map of holes that goes on and on."""
    info = tarfile.TarInfo("sparse.png")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    return _tar((info, b"9999999\n" + b"0\n" * 300_000), good=False)


def _bomb(size: int) -> bytes:
    return gzip.compress(_tar((tarfile.TarInfo("a.png"), b"\0" * size)))


def _nested(levels: int) -> bytes:
    data = zipped({"a.png": png(1)})
    for _ in range(levels):
        data = zipped({"inner.zip": data})
    return zipped({"inner.zip": data, **_IMAGES})


def _link(mode: int) -> Callable[[], bytes]:
    return _with("link.png", b"/etc/passwd", mode=mode)


ARCHIVES: dict[str, Case] = {
    "zip: unpacks to a lot": Case(
        lambda: zipped({f"{n}.png": b"\0" * 190_000 for n in range(30)}), "archive_too_large"
    ),
    "zip: ratio": Case(
        lambda: zipped({f"{n}.png": b"\0" * 150_000 for n in range(12)}), "archive_too_large"
    ),
    "zip: one huge file": Case(_with("a.png", b"\0" * 250_000), skipped="file_too_large"),
    "zip: too many files": Case(
        lambda: zipped({f"{n}.png": b"" for n in range(301)}), "archive_too_large"
    ),
    "zip: too many folders": Case(
        lambda: zipped({f"{n}/": b"" for n in range(301)}), "archive_too_large"
    ),
    "zip: directory of 50,000 entries": Case(_many_entries, "archive_too_large"),
    "zip: entries of the same bytes": Case(_overlapping, "overlapping_members"),
    "zip: a file within a file": Case(_quoted, "overlapping_members"),
    "zip: encrypted": Case(_encrypted, skipped="encrypted"),
    "zip: forged size": Case(_forged_size, skipped="damaged"),
    "zip: LZMA": Case(
        _with("a.png", b"\0" * 150_000, zipfile.ZIP_LZMA), skipped="unsupported_compression"
    ),
    "zip: bzip2": Case(
        _with("a.png", b"\0" * 150_000, zipfile.ZIP_BZIP2), skipped="unsupported_compression"
    ),
    "zip: symbolic link": Case(_link(0o120777), skipped="not_a_file"),
    "zip: character device": Case(_link(0o020666), skipped="not_a_file"),
    "zip: block device": Case(_link(0o060666), skipped="not_a_file"),
    "zip: pipe": Case(_link(0o010666), skipped="not_a_file"),
    "zip: socket": Case(_link(0o140666), skipped="not_a_file"),
    "zip: zip in zip": Case(lambda: _nested(0)),
    "zip: zip in zip in zip": Case(lambda: _nested(1), skipped="nested_archive"),
    "zip: zip in zip in zip ...": Case(lambda: _nested(30), skipped="nested_archive"),
    "zip: path upwards": Case(_with("../../escape.png", b"x"), skipped="not_an_image"),
    "zip: absolute path": Case(_with("/tmp/escape.png", b"x"), skipped="not_an_image"),
    "zip: path of Windows": Case(_with("C:\\escape.png", b"x"), skipped="not_an_image"),
    "zip: name of 60,000 letters": Case(_with("a" * 60_000, b"x"), skipped="not_an_image"),
    "zip: name of control characters": Case(_with("a\r\n\x1b[2Jb", b"x"), skipped="not_an_image"),
    "zip: end cut off": Case(lambda: zipped(_IMAGES)[:-30], "not_an_archive"),
    "tar: bomb": Case(lambda: _bomb(20_000_000), "archive_too_large"),
    "tar: huge file, less than all": Case(lambda: _bomb(1_000_000), "archive_too_large"),
    "tar: bzip2": Case(lambda: __import__("bz2").compress(_tar()), None),
    "tar: xz": Case(lambda: __import__("lzma").compress(_tar()), None),
    "tar: symbolic link": Case(lambda: _special(tarfile.SYMTYPE), skipped="not_a_file"),
    "tar: hard link": Case(lambda: _special(tarfile.LNKTYPE), skipped="not_a_file"),
    "tar: hard link within": Case(
        lambda: _special(tarfile.LNKTYPE, link="good/0.png"), skipped="not_a_file"
    ),
    "tar: character device": Case(lambda: _special(tarfile.CHRTYPE), skipped="not_a_file"),
    "tar: block device": Case(lambda: _special(tarfile.BLKTYPE), skipped="not_a_file"),
    "tar: pipe": Case(lambda: _special(tarfile.FIFOTYPE), skipped="not_a_file"),
    "tar: sparse file of 1 TiB": Case(_sparse, skipped="not_a_file"),
    "tar: endless sparse map": Case(_sparse_map, "not_an_archive"),
    "tar: endless sparse map, packed": Case(
        lambda: gzip.compress(_sparse_map()), "archive_too_large"
    ),
    "tar: path upwards": Case(
        lambda: _tar((tarfile.TarInfo("../../escape.png"), b"x")), skipped="not_an_image"
    ),
    "tar: absolute path": Case(
        lambda: _tar((tarfile.TarInfo("/tmp/escape.png"), b"x")), skipped="not_an_image"
    ),
    "tar: file that claims 8 GiB": Case(
        lambda: _header(tarfile.REGTYPE, 2**33 - 1) + _tar(), "no_images"
    ),
    "tar: name of 3 MB": Case(
        lambda: _header(tarfile.GNUTYPE_LONGNAME, 3_000_000) + b"a" * 3_000_000 + _tar(),
        "not_an_archive",
    ),
    "tar: attributes of 8 GiB": Case(
        lambda: _header(tarfile.XHDTYPE, 2**33 - 1) + _tar(), "not_an_archive"
    ),
    "tar: headers of headers": Case(
        lambda: _header(tarfile.GNUTYPE_LONGNAME, 0) * 5_000 + _tar(), "not_an_archive"
    ),
    "tar: size below nothing": Case(_negative_size, "no_images"),
    "tar: too many folders": Case(
        lambda: _header(tarfile.DIRTYPE, 0) * 301 + _tar(), "archive_too_large"
    ),
    "tar: gzip cut off": Case(lambda: gzip.compress(_tar())[:-400], skipped="damaged"),
    "neither": Case(lambda: b"\x7fELF" + b"\0" * 5000, "not_an_archive"),
}
