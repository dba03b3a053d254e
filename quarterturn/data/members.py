"""The files of archives; names are data, never used as paths.

Every reader yields a `Member`, or a `Skipped` with the reason for which a file was left out. The
files of a .zip are not read here but where they are decoded, several at a time.
"""

from __future__ import annotations

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from quarterturn.data.caps import Caps
from quarterturn.data.nested import Opened, is_archive_name
from quarterturn.data.noise import is_noise
from quarterturn.data.tar_stream import HEADERS, CountedStream, data_of, members
from quarterturn.data.zip_directory import METHODS, refuse_overlaps
from quarterturn.data.zip_entry import ZipEntry

#: What the standard readers raise on archives that are damaged or made to confuse them.
UNREADABLE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RecursionError,
)


# Tuples, as there is one of each for every file, and they go to other processes and back.


class FileEntry(NamedTuple):
    """A file of a folder, read where it is decoded; `size` is for grouping only."""

    path: str
    size: int


class Member(NamedTuple):
    """A file that may be an image: its bytes, or where they are; and the number of the first of
    its pictures that is wanted.
    """

    name: str
    data: bytes | ZipEntry | FileEntry
    start: int = 0

    @property
    def size(self) -> int:
        return len(self.data) if isinstance(self.data, bytes) else self.data.size


class Skipped(NamedTuple):
    """A file that was left out; `reason` is a stable code."""

    name: str
    reason: str
    message: str

    @property
    def size(self) -> int:
        return 0


class Members:
    """Files of an archive or a folder, read anew each time they are gone through."""

    def __init__(self, read: Callable[[], Iterator[Member | Skipped]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[Member | Skipped]:
        return self._read()


#: What to do with files that hold many pictures.
_SPLIT = (
    ((".npy",), "unpack it into a folder, where arrays are read in parts"),
    ((".npz",), "save its arrays as .npy in a folder, where they are read in parts"),
    ((".tif", ".tiff", ".nii", ".nii.gz", ".dcm"), "split it"),
)


def too_big(name: str, limit: int, setting: str) -> Skipped:
    """A file that passes the limit on single files."""
    lower = name.lower()
    hint = next((hint for ends, hint in _SPLIT if lower.endswith(ends)), "leave it out")
    message = f"larger than {limit} bytes; {hint}, or raise {setting}"
    return Skipped(name, "file_too_large", message)


#: The files of an archive within an archive, by its name and how it is opened.
Inner = Callable[[str, Opened], "Iterator[Member | Skipped]"]


def zip_members(
    path: Path, archive: zipfile.ZipFile, caps: Caps, inner: Inner | None = None
) -> Iterator[Member | Skipped]:
    refuse_overlaps(archive)
    for info in archive.infolist():
        caps.count(files=1)
        if info.is_dir() or is_noise(info.filename):
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 0x41:
            yield Skipped(info.filename, "encrypted", "encrypted; send it without a password")
        elif kind not in (0, stat.S_IFREG):
            yield Skipped(info.filename, "not_a_file", "a link or a device")
        elif info.compress_type not in METHODS:
            yield Skipped(info.filename, "unsupported_compression", "neither stored nor deflated")
        elif inner is not None and is_archive_name(info.filename):
            yield from inner(info.filename, partial(archive.open, info))
        else:
            yield Member(info.filename, ZipEntry.of(str(path), info))


def _opened(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = archive.extractfile(info)
    assert file is not None, info.name  # it is a regular file
    return file


def tar_members(
    archive: tarfile.TarFile,
    stream: CountedStream,
    caps: Caps,
    limit: int,
    inner: Inner | None = None,
) -> Iterator[Member | Skipped]:
    try:
        for info in members(archive, stream):
            caps.count(files=1)
            if info.isdir() or is_noise(info.name):
                continue
            if not info.isreg() or info.issparse():
                yield Skipped(info.name, "not_a_file", "a link, a device or a sparse file")
                continue
            if inner is not None and is_archive_name(info.name):
                stream.allow(info.size + HEADERS)
                yield from inner(info.name, partial(_opened, archive, info))
                continue
            data = data_of(archive, stream, info, limit)
            if len(data) > limit:
                yield too_big(info.name, limit, caps.limits.name_of("max_member_bytes"))
            else:
                yield Member(info.name, data)
    except UNREADABLE as error:
        yield Skipped("(rest of the archive)", "damaged", f"the archive ends early: {error}")
