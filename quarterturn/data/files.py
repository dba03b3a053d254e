"""Files of folders as they are: links followed without going in circles, leftovers left out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from quarterturn.data.noise import is_noise
from quarterturn.data.unusable import UnusableImageError


def read_file(path: str, limit: int) -> bytes:
    """The first bytes of a file.

    Raises:
        UnusableImageError: `unreadable`, with what the system says.
    """
    try:
        # It may have become a pipe since it was looked at.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "no longer a file")
            # No more than there is: a reader makes room for all that it is asked for.
            return stream.read(min(limit, status.st_size + 1))
    except OSError as error:
        raise UnusableImageError("unreadable", f"cannot be read: {error.strerror}") from None


def is_inside(path: Path, roots: list[Path] | None) -> bool:
    return roots is None or any(path.is_relative_to(root) for root in roots)


def walk(folder: Path, roots: list[Path] | None) -> Iterator[tuple[str, str, str]]:
    """Files below a folder, in the order of their names: name, path, and what is wrong with it.

    Links to files and folders are followed, to anywhere or to what lies below `roots`. Each folder
    is gone through once, however many links lead to it.
    """
    real = [root.resolve() for root in roots] if roots is not None else None
    yield from _walk(folder, "", set(), real)


def _walk(
    folder: Path, prefix: str, seen: set[tuple[int, int]], roots: list[Path] | None
) -> Iterator[tuple[str, str, str]]:
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield prefix or ".", str(folder), f"cannot be read: {error.strerror}"
        return
    here = (status.st_dev, status.st_ino)
    if here in seen:
        yield prefix, str(folder), "a link to a folder that is read already"
        return
    seen.add(here)
    folders = []
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if is_noise(name):
            continue
        try:
            link, is_folder, is_file = entry.is_symlink(), entry.is_dir(), entry.is_file()
        except OSError as error:
            yield name, entry.path, f"cannot be read: {error.strerror}"
            continue
        if link and not is_inside(Path(entry.path).resolve(), roots):
            yield name, entry.path, "a link out of the folders that the operator allows"
        elif is_folder:
            folders.append((Path(entry.path), f"{name}/"))
        elif is_file:
            yield name, entry.path, ""
        elif link:
            yield name, entry.path, "a link to nothing"
        else:
            yield name, entry.path, "a device or a pipe"
    for inner, name in folders:
        yield from _walk(inner, name, seen, roots)
