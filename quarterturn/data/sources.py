"""What a set may lie in: a folder, an archive, a list of files, or one file of many pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from quarterturn.data.caps import Caps
from quarterturn.data.files import is_inside, walk
from quarterturn.data.formats import format_of
from quarterturn.data.formats.unknown import is_known, refuse_unknown
from quarterturn.data.formats.unpack import is_gzip, peek_gzip
from quarterturn.data.manifest import Manifest, is_manifest
from quarterturn.data.members import (
    UNREADABLE,
    FileEntry,
    Inner,
    Member,
    Members,
    Skipped,
    tar_members,
    zip_members,
)
from quarterturn.data.nested import Opened, Unpacked, is_archive_name
from quarterturn.data.tar_stream import open_tar
from quarterturn.data.zip_directory import CheckedFile
from quarterturn.errors import InvalidInputError

_HEAD = 64 * 2**10
Found = Iterator[Member | Skipped]


def members_of(
    path: Path, caps: Caps, roots: list[Path] | None = None, scratch: Path | None = None
) -> Members:
    """Files of what lies at a path: a folder, a list of files (.txt, .csv, .tsv, .jsonl), an
    archive, or a file of pictures.

    Args:
        roots: links are followed, and files listed, to what lies below these; None is anywhere.
        scratch: where archives within archives are unpacked; None is the system's place.

    Going through them raises:
        InvalidInputError: `empty_archive`, `not_an_archive`, `overlapping_members` or
            `invalid_manifest`.
        TooLargeError: a cap on files or unpacked bytes is passed.
    """
    if path.is_dir():
        return folder_members(path, caps, roots, scratch)
    if is_manifest(path):
        return listed_members(Manifest(path.absolute()), caps, roots, scratch)
    return archive_members(path, caps, scratch)


def archive_members(path: Path, caps: Caps, scratch: Path | None = None) -> Members:
    """Files of a .zip or .tar, recognized by content, or the one file of pictures that it is.

    Going through them raises:
        InvalidInputError: `empty_archive`, `not_an_archive` or `overlapping_members`.
        TooLargeError: a cap on files or unpacked bytes is passed.
    """
    whole = path.absolute()  # read by processes that may have another working directory
    looking = _Looking(caps, None, Unpacked(scratch))
    return Members(lambda: looking.archive(whole))


def folder_members(
    path: Path, caps: Caps, roots: list[Path] | None = None, scratch: Path | None = None
) -> Members:
    """Files of a folder, where they are, and of archives in it, as shards are kept.

    Args:
        roots: links are followed to what lies below these; None is anywhere.
    """
    whole = path.absolute()  # read by processes that may have another working directory
    looking = _Looking(caps, roots, Unpacked(scratch))
    return Members(lambda: looking.folder(whole))


def listed_members(
    files: Iterable[tuple[str, Path] | Skipped],
    caps: Caps,
    roots: list[Path] | None = None,
    scratch: Path | None = None,
) -> Members:
    """Files, folders and archives one after another, by their names and paths; what is not there
    is a line of the report.

    Args:
        files: gone through anew each time.
        roots: below which files must lie; None is anywhere.
    """
    looking = _Looking(caps, roots, Unpacked(scratch))
    return Members(lambda: looking.listed(files))


def file_member(name: str, path: Path) -> Member | Skipped:
    """A file where it lies, or a line of the report if it is not there."""
    try:
        return Member(name, FileEntry(str(path), path.stat().st_size))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no name of a file"
        return Skipped(name, "unreadable", f"cannot be read: {reason}")


class _Looking:
    """Goes through folders and archives under the same caps."""

    def __init__(self, caps: Caps, roots: list[Path] | None, unpacked: Unpacked) -> None:
        self.caps, self.roots, self.unpacked = caps, roots, unpacked

    def folder(self, path: Path) -> Found:
        for name, full, fault in walk(path, self.roots):
            if fault:
                self.caps.count(files=1)
                reason = "unreadable" if fault.startswith("cannot") else "not_a_file"
                yield Skipped(name, reason, fault)
            else:
                yield from self.file(name, Path(full))

    def listed(self, files: Iterable[tuple[str, Path] | Skipped]) -> Found:
        roots = None if self.roots is None else [root.resolve() for root in self.roots]
        for item in files:
            if isinstance(item, Skipped):
                self.caps.count(files=1)
                yield item
                continue
            name, path = item[0], item[1].absolute()
            if not is_inside(path.resolve() if roots else path, roots):
                self.caps.count(files=1)
                message = "out of the folders that the operator allows"
                yield Skipped(name, "not_a_file", message)
            elif path.is_dir():
                for member in self.folder(path):
                    yield member._replace(name=f"{name.rstrip('/')}/{member.name}")
            else:
                yield from self.file(name, path)

    def file(self, name: str, path: Path) -> Found:
        """A file, or the files of an archive."""
        member = file_member(name, path)
        if member.size and is_archive_name(path.name):
            yield from self._shard(name, path, self._inner(path, counted=False))
        else:
            self.caps.count(files=1)
            yield member

    def archive(self, path: Path) -> Found:
        if path.stat().st_size == 0:
            raise InvalidInputError(
                "The file is empty. Send a .zip, .tar or .tar.gz of images.", code="empty_archive"
            )
        self.caps.packed(path.stat().st_size)
        yield from self._packed(path, nested=True)

    def _inner(self, path: Path, *, counted: bool) -> Inner:
        """How an archive within the one at `path` is gone through."""

        def inner(name: str, opened: Opened) -> Found:
            try:
                unpacked = self.unpacked.path_of(path, name, opened, self.caps, counted=counted)
            except UNREADABLE as error:
                yield Skipped(name, "damaged", f"cannot be unpacked: {error}")
                return
            yield from self._shard(name, unpacked, None)

        return inner

    def _packed(self, path: Path, *, nested: bool) -> Found:
        with path.open("rb") as plain:
            head = plain.read(_HEAD)
        kinds = [self._zip, self._tar]
        # The end of a .tar may look like that of a .zip that lies in it.
        for kind in reversed(kinds) if head[257:262] == b"ustar" else kinds:
            try:
                yield from kind(path, nested)
                return
            except UNREADABLE:
                pass
        if format_of(head) is None and not (is_gzip(head) and format_of(peek_gzip(head))):
            raise _refused(head)
        self.caps.count(files=1)
        yield Member(path.name, FileEntry(str(path), path.stat().st_size))

    def _zip(self, path: Path, nested: bool) -> Found:
        inner = self._inner(path, counted=False) if nested else None
        with CheckedFile(path, self.caps) as file, zipfile.ZipFile(file) as archive:
            yield from zip_members(path, archive, self.caps, inner)

    def _tar(self, path: Path, nested: bool) -> Found:
        inner = self._inner(path, counted=True) if nested else None
        limit = self.caps.limits.max_member_bytes
        with open_tar(path, self.caps) as (tar, stream):
            yield from tar_members(tar, stream, self.caps, limit, inner)

    def _shard(self, name: str, path: Path, inner: Inner | None) -> Found:
        """The files of an archive in a folder or in an archive; one that cannot be read is a line
        of the report.
        """
        try:
            for member in self._packed(path, nested=inner is not None):
                alone = member.name == path.name
                yield member._replace(name=name if alone else f"{name}/{member.name}")
        except (InvalidInputError, OSError) as error:
            message = error.message if isinstance(error, InvalidInputError) else str(error.strerror)
            yield Skipped(name, "damaged", message.removeprefix("The file is ").rstrip("."))


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
