"""The files of archives and folders; names are data, never used as paths.

Every reader yields a `Member`, or a `Skipped` with the reason for which a file was left out. The
files of a .zip are not read here but where they are decoded, several at a time.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from quarterturn.data.caps import Caps
from quarterturn.data.tar_stream import CountedStream, data_of, members, open_tar
from quarterturn.data.zip_directory import METHODS, CheckedFile, refuse_overlaps
from quarterturn.errors import InvalidInputError

#: What the standard readers raise on archives that are damaged or made to confuse them.
_UNREADABLE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error,
    EOFError, OSError, ValueError, OverflowError, NotImplementedError, RecursionError,
)  # fmt: skip
#: What file managers leave in archives; not worth a line in the report.
_NOISE = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._[^/]*$)")


@dataclass(frozen=True)
class ZipEntry:
    """Where a file lies in a .zip; `size` is what the header says, for grouping only."""

    archive: str
    index: int
    size: int


@dataclass(frozen=True)
class Member:
    """A file that may be an image: its bytes, or where they are."""

    name: str
    data: bytes | ZipEntry

    @property
    def size(self) -> int:
        return self.data.size if isinstance(self.data, ZipEntry) else len(self.data)


@dataclass(frozen=True)
class Skipped:
    """A file that was left out; `reason` is a stable code."""

    name: str
    reason: str
    message: str


def too_big(name: str, limit: int) -> Skipped:
    """A file that passes the limit on single files."""
    return Skipped(name, "file_too_large", f"larger than {limit} bytes")


def _noise(name: str) -> bool:
    return _NOISE.search(name) is not None


def _zip_members(path: Path, archive: zipfile.ZipFile, caps: Caps) -> Iterator[Member | Skipped]:
    refuse_overlaps(archive)
    for index, info in enumerate(archive.infolist()):
        caps.count(files=1)
        if info.is_dir() or _noise(info.filename):
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 0x41:
            yield Skipped(info.filename, "encrypted", "encrypted; send it without a password")
        elif kind not in (0, stat.S_IFREG):
            yield Skipped(info.filename, "not_a_file", "a link or a device")
        elif info.compress_type not in METHODS:
            yield Skipped(info.filename, "unsupported_compression", "neither stored nor deflated")
        else:
            yield Member(info.filename, ZipEntry(str(path), index, info.file_size))


def _tar_members(
    archive: tarfile.TarFile, stream: CountedStream, caps: Caps, limit: int
) -> Iterator[Member | Skipped]:
    try:
        for info in members(archive, stream):
            caps.count(files=1)
            if info.isdir() or _noise(info.name):
                continue
            if not info.isreg() or info.issparse():
                yield Skipped(info.name, "not_a_file", "a link, a device or a sparse file")
                continue
            data = data_of(archive, stream, info, limit)
            yield too_big(info.name, limit) if len(data) > limit else Member(info.name, data)
    except _UNREADABLE as error:
        yield Skipped("(rest of the archive)", "damaged", f"the archive ends early: {error}")


def archive_members(path: Path, caps: Caps) -> Iterator[Member | Skipped]:
    """Files of a `.zip`, `.tar` or `.tar.gz`, recognised by content.

    Raises:
        InvalidInputError: `empty_archive`, `not_an_archive` or `overlapping_members`.
        TooLargeError: a cap on files or unpacked bytes is passed.
    """
    if path.stat().st_size == 0:
        raise InvalidInputError(
            "The file is empty. Send a .zip, .tar or .tar.gz of images.", code="empty_archive"
        )
    caps.packed(path.stat().st_size)
    try:
        with CheckedFile(path, caps) as file, zipfile.ZipFile(file) as archive:
            yield from _zip_members(path, archive, caps)
        return
    except _UNREADABLE:
        pass
    try:
        with open_tar(path, caps) as (tar, stream):
            yield from _tar_members(tar, stream, caps, caps.limits.max_member_bytes)
    except _UNREADABLE:
        raise InvalidInputError(
            "The file is not a .zip, .tar or .tar.gz archive that can be read. "
            "Pack the images into one of these and send it again.",
            code="not_an_archive",
        ) from None


def _bytes_of(path: Path, limit: int) -> bytes:
    # The file may have become a link or a pipe since it was looked at.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no longer a file")
        return stream.read(limit)


def folder_members(path: Path, caps: Caps) -> Iterator[Member | Skipped]:
    """Files of a folder, in the order of their names; links are not followed."""
    for parent, folders, files in os.walk(path, followlinks=False):
        folders.sort()
        for file in sorted(files):
            full = Path(parent, file)
            name = str(full.relative_to(path))
            if _noise(name):
                continue
            caps.count(files=1)
            if full.is_symlink() or not full.is_file():
                yield Skipped(name, "not_a_file", "a link or a device")
                continue
            try:
                data = _bytes_of(full, caps.limits.max_member_bytes + 1)
            except OSError as error:
                yield Skipped(name, "unreadable", str(error.strerror))
                continue
            caps.count(size=len(data))
            if len(data) > caps.limits.max_member_bytes:
                yield too_big(name, caps.limits.max_member_bytes)
                continue
            yield Member(name, data)
