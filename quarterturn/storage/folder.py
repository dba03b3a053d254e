"""A storage that is a folder: files are used where they lie, and never copied."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quarterturn.errors import ObjectMissingError
from quarterturn.storage.keys import AREAS, CHECKPOINTS

_PARTIAL = ".partial-"


class FolderStorage:
    """A `Storage` in a folder of this machine, or one that all machines mount."""

    def __init__(self, root: Path) -> None:
        # Processes with another working directory are given paths below it.
        self._root = root.absolute()

    def partial(self, key: str) -> Path:
        # Beside its final place, so that putting it there is a rename.
        path = self._root / key.split("/")[0] / f"{_PARTIAL}{uuid.uuid4().hex}.tmp"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def put(self, key: str, built: Path) -> None:
        final = self._root / key
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not key.startswith(f"{CHECKPOINTS}/"):  # these may be lost: a trial then starts afresh
            flush(built)
        if built.is_file():
            built.replace(final)
        elif final.is_dir() and any(final.iterdir()):
            shutil.rmtree(built)
        else:
            built.rename(final)
        flush_folder(final.parent)

    @contextmanager
    def held(self, key: str) -> Iterator[Path]:
        path = self._root / key
        if not path.exists():
            raise ObjectMissingError(key)
        yield path

    def has(self, key: str) -> bool:
        return (self._root / key).exists()

    def remove(self, key: str) -> None:
        path = self._root / key
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def names(self, area: str) -> list[str]:
        return [path.name for path in (self._root / area).glob("[!.]*")]

    def age(self, key: str) -> float:
        try:
            return time.time() - (self._root / key).stat().st_mtime
        except OSError:
            return 0.0

    def tidy(self, seconds: float) -> None:
        for area in AREAS:
            remove_older((self._root / area).glob(f"{_PARTIAL}*"), seconds)


def flush(path: Path) -> None:
    """Have a file, or all of a folder, on the disk before anything says that it is there."""
    if path.is_dir():
        for inner in path.iterdir():
            flush(inner)
        flush_folder(path)
        return
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def flush_folder(path: Path) -> None:
    """Have the names in a folder on the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_older(paths: Iterator[Path], seconds: float) -> None:
    """Remove the files and folders that were last changed longer ago than that."""
    horizon = time.time() - seconds
    for path in paths:
        try:
            if path.stat().st_mtime < horizon:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue
