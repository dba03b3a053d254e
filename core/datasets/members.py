"""Streams of (name, bytes) from archives and folders; names are data, never used as paths.

Every reader yields a `Member`, or a `Skipped` with the reason for which a file was left out.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import ForbiddenError, InvalidInputError, TooLargeError
from core.settings import Settings

_NOISE = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class Member:
    """A file that may be an image."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Skipped:
    """A file that was left out; `reason` is a stable code."""

    name: str
    reason: str
    message: str


class _Caps:
    """Counts real bytes and files against the limits; headers are not believed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bytes = 0
        self._files = 0

    def count(self, size: int) -> None:
        self._files += 1
        self._bytes += size
        if self._files > self._settings.max_members:
            raise TooLargeError(
                f"The archive holds more than {self._settings.max_members} files. "
                "Split it, or raise QUARTERTURN_MAX_MEMBERS.",
                code="archive_too_large",
            )
        if self._bytes > self._settings.max_archive_bytes:
            raise TooLargeError(
                f"The archive unpacks to more than {self._settings.max_archive_bytes} bytes. "
                "Split it, or raise QUARTERTURN_MAX_ARCHIVE_BYTES.",
                code="archive_too_large",
            )


def _too_big(name: str, settings: Settings) -> Skipped:
    return Skipped(name, "file_too_large", f"larger than {settings.max_member_bytes} bytes")


def _noise(name: str) -> bool:
    return any(mark in name for mark in _NOISE) or name.rsplit("/", 1)[-1].startswith("._")


def _zip_members(archive: zipfile.ZipFile, settings: Settings) -> Iterator[Member | Skipped]:
    caps, limit = _Caps(settings), settings.max_member_bytes
    for info in archive.infolist():
        if info.is_dir() or _noise(info.filename):
            continue
        if info.flag_bits & 0x1:
            yield Skipped(info.filename, "encrypted", "encrypted; send it without a password")
            continue
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            yield Skipped(info.filename, "not_a_file", "a symbolic link")
            continue
        try:
            with archive.open(info) as stream:
                data = stream.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            yield Skipped(info.filename, "damaged", f"cannot be unpacked: {error}")
            continue
        caps.count(len(data))
        yield (
            _too_big(info.filename, settings) if len(data) > limit else Member(info.filename, data)
        )


def _tar_members(archive: tarfile.TarFile, settings: Settings) -> Iterator[Member | Skipped]:
    caps, limit = _Caps(settings), settings.max_member_bytes
    try:
        for info in archive:
            if info.isdir() or _noise(info.name):
                continue
            if not info.isreg():
                yield Skipped(info.name, "not_a_file", "a link or a device")
                continue
            stream = archive.extractfile(info)
            data = stream.read(limit + 1) if stream else b""
            caps.count(max(len(data), info.size if len(data) > limit else 0))
            yield _too_big(info.name, settings) if len(data) > limit else Member(info.name, data)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        yield Skipped("(rest of the archive)", "damaged", f"the archive ends early: {error}")


def archive_members(path: Path, settings: Settings) -> Iterator[Member | Skipped]:
    """Files of a `.zip`, `.tar` or `.tar.gz`, recognised by content.

    Raises:
        InvalidInputError: `empty_archive` or `not_an_archive`.
        TooLargeError: a cap on files or unpacked bytes is passed.
    """
    if path.stat().st_size == 0:
        raise InvalidInputError(
            "The file is empty. Send a .zip, .tar or .tar.gz of images.", code="empty_archive"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _zip_members(archive, settings)
        return
    except zipfile.BadZipFile:
        pass
    try:
        with tarfile.open(path, "r:*") as tar:
            yield from _tar_members(tar, settings)
    except (tarfile.TarError, EOFError, zlib.error, OSError):
        raise InvalidInputError(
            "The file is not a .zip, .tar or .tar.gz archive that can be read. "
            "Pack the images into one of these and send it again.",
            code="not_an_archive",
        ) from None


def folder_members(path: Path, settings: Settings) -> Iterator[Member | Skipped]:
    """Files of a folder, in the order of their names; links are not followed."""
    caps = _Caps(settings)
    for parent, folders, files in os.walk(path, followlinks=False):
        folders.sort()
        for file in sorted(files):
            full = Path(parent, file)
            name = str(full.relative_to(path))
            if _noise(name):
                continue
            if full.is_symlink() or not full.is_file():
                yield Skipped(name, "not_a_file", "a link or a device")
                continue
            try:
                size = full.stat().st_size
                if size > settings.max_member_bytes:
                    yield _too_big(name, settings)
                    continue
                data = full.read_bytes()
            except OSError as error:
                yield Skipped(name, "unreadable", str(error.strerror))
                continue
            caps.count(len(data))
            yield Member(name, data)


def allowed_folder(path: str, roots: list[Path]) -> Path:
    """The folder at `path`, if it lies under an allow-listed root.

    Raises:
        ForbiddenError, InvalidInputError: `path_not_allowed` or `path_not_found`.
    """
    resolved = Path(path).resolve()
    if not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise ForbiddenError(
            "The path is not under a folder that the operator allows (QUARTERTURN_DATASET_ROOTS). "
            "Upload an archive instead.",
            code="path_not_allowed",
        )
    if not resolved.is_dir():
        raise InvalidInputError("There is no folder at that path.", code="path_not_found")
    return resolved
