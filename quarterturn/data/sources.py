"""What a set may lie in: a folder, an archive, or one file of many pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from quarterturn.data.caps import Caps
from quarterturn.data.files import walk
from quarterturn.data.formats import format_of
from quarterturn.data.formats.unknown import is_known, refuse_unknown
from quarterturn.data.formats.unpack import is_gzip, peek_gzip
from quarterturn.data.members import (
    UNREADABLE,
    FileEntry,
    Member,
    Members,
    Skipped,
    tar_members,
    zip_members,
)
from quarterturn.data.tar_stream import open_tar
from quarterturn.data.zip_directory import CheckedFile
from quarterturn.errors import InvalidInputError

_HEAD = 64 * 2**10
#: Endings of files of a folder that are looked into.
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tbz2", ".txz")


def archive_members(path: Path, caps: Caps) -> Members:
    """Files of a .zip or .tar, recognized by content, or the one file of pictures that it is.

    Going through them raises:
        InvalidInputError: `empty_archive`, `not_an_archive` or `overlapping_members`.
        TooLargeError: a cap on files or unpacked bytes is passed.
    """
    whole = path.absolute()  # read by processes that may have another working directory
    return Members(lambda: _archive(whole, caps))


def folder_members(path: Path, caps: Caps, roots: list[Path] | None = None) -> Members:
    """Files of a folder, where they are, and of archives in it, as shards are kept.

    Args:
        roots: links are followed to what lies below these; None is anywhere.
    """
    whole = path.absolute()  # read by processes that may have another working directory
    return Members(lambda: _folder(whole, caps, roots))


def _archive(path: Path, caps: Caps) -> Iterator[Member | Skipped]:
    if path.stat().st_size == 0:
        raise InvalidInputError(
            "The file is empty. Send a .zip, .tar or .tar.gz of images.", code="empty_archive"
        )
    caps.packed(path.stat().st_size)
    yield from _packed(path, caps)


def _packed(path: Path, caps: Caps) -> Iterator[Member | Skipped]:
    try:
        with CheckedFile(path, caps) as file, zipfile.ZipFile(file) as archive:
            yield from zip_members(path, archive, caps)
        return
    except UNREADABLE:
        pass
    try:
        with open_tar(path, caps) as (tar, stream):
            yield from tar_members(tar, stream, caps, caps.limits.max_member_bytes)
        return
    except UNREADABLE:
        pass
    with path.open("rb") as plain:
        head = plain.read(_HEAD)
    if format_of(head) is None and not (is_gzip(head) and format_of(peek_gzip(head))):
        raise _refused(head)
    caps.count(files=1)
    yield Member(path.name, FileEntry(str(path), path.stat().st_size))


def _refused(head: bytes) -> InvalidInputError:
    """What a file is that is neither an archive nor a picture."""
    if head.startswith(b"PK\x03\x04"):
        what = (
            "The file is a .zip whose end is missing or damaged. Copy or download it again, or "
            "pack the images anew"
        )
    elif is_known(head):
        what = f"The file is {refuse_unknown(head).message}"
    else:
        what = (
            "The file is not a .zip, .tar or .tar.gz archive that can be read. Pack the images "
            "into one of these and send it again"
        )
    return InvalidInputError(f"{what}.", code="not_an_archive")


def _folder(path: Path, caps: Caps, roots: list[Path] | None) -> Iterator[Member | Skipped]:
    for name, full, fault in walk(path, roots):
        if fault:
            caps.count(files=1)
            reason = "unreadable" if fault.startswith("cannot") else "not_a_file"
            yield Skipped(name, reason, fault)
            continue
        try:
            size = Path(full).stat().st_size
        except OSError as error:
            caps.count(files=1)
            yield Skipped(name, "unreadable", f"cannot be read: {error.strerror}")
            continue
        if size and name.lower().endswith(_ARCHIVES):
            yield from _shard(name, Path(full), caps)
        else:
            caps.count(files=1)
            yield Member(name, FileEntry(full, size))


def _shard(name: str, path: Path, caps: Caps) -> Iterator[Member | Skipped]:
    """The files of an archive in a folder; one that cannot be read is a line of the report."""
    try:
        for member in _packed(path, caps):
            inner = name if member.name == path.name else f"{name}/{member.name}"
            yield replace(member, name=inner)
    except (InvalidInputError, OSError) as error:
        message = error.message if isinstance(error, InvalidInputError) else str(error.strerror)
        yield Skipped(name, "damaged", message.removeprefix("The file is ").rstrip("."))
