"""Copies of objects on this machine, shared by its processes, within a number of bytes.

An entry is a folder, named by the digest of what is in it, with a file that locks it: shared by
those who use it, alone by who removes it. Entries come and go under one more lock, so that several
processes count the same bytes. What was used longest ago goes first; what is in use stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from core.storage.locking import locked, locked_if_free
from core.storage.manifest import Manifest
from quarterturn.errors import CacheFullError

#: What a full disk, or a full quota, is reported as.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
#: Fetches the files of an object into an empty folder.
Fetch = Callable[[Path], None]


class Cache:
    """A folder of at most `capacity` bytes of objects."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self._folder, self._capacity = folder, capacity
        self._changes = folder / "changes.lock"

    def _lock(self, entry: Path) -> Path:
        return entry.with_suffix(".lock")

    def _entries(self) -> list[Path]:
        """The entries, those first that were used longest ago."""
        used: dict[Path, int] = {}
        for lock in self._folder.glob("*.lock"):
            with suppress(FileNotFoundError):  # removed meanwhile
                used[lock] = lock.stat().st_mtime_ns
        used.pop(self._changes, None)
        return [lock.with_suffix("") for lock in sorted(used, key=used.__getitem__)]

    @contextmanager
    def hold(self, key: str, manifest: Manifest, fetch: Fetch) -> Iterator[Path]:
        """The file or folder, which stays until the block ends. It is checked against the manifest
        each time, and fetched if it is not there or not what it should be.

        Raises:
            CacheFullError: it does not fit beside what is in use.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        entry = self._folder / manifest.digest
        with ExitStack() as stack:
            stack.enter_context(locked(self._lock(entry), shared=True))
            if not manifest.describes(entry):
                with locked(self._changes):
                    if not manifest.describes(entry):  # nor has anybody fetched it meanwhile
                        self._fetch(entry, manifest, fetch)
            lock = self._lock(entry)
            lock.write_text(key)  # also the time of the last use
            yield manifest.path_in(entry)

    def _fetch(self, entry: Path, manifest: Manifest, fetch: Fetch) -> None:
        shutil.rmtree(entry, ignore_errors=True)
        self._make_room(manifest.size)
        partial = self._folder / f".partial-{uuid.uuid4().hex}"
        partial.mkdir()
        try:
            fetch(partial)
            partial.rename(entry)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise CacheFullError(f"The disk of {self._folder} is full.") from None
            raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _make_room(self, size: int) -> None:
        for partial in self._folder.glob(".partial-*"):  # of a process that was killed
            shutil.rmtree(partial, ignore_errors=True)
        used = {entry: _bytes_in(entry) for entry in self._entries()}
        for entry in list(used):
            if sum(used.values()) + size <= self._capacity:
                return
            if self._remove_if_unused(entry):
                del used[entry]
        if sum(used.values()) + size > self._capacity:
            raise CacheFullError(
                f"The cache has {self._capacity} bytes, of which {sum(used.values())} are in use; "
                f"{size} more are needed."
            )

    def _remove_if_unused(self, entry: Path) -> bool:
        with locked_if_free(self._lock(entry)) as free:
            if free:
                shutil.rmtree(entry, ignore_errors=True)
                self._lock(entry).unlink(missing_ok=True)
        return free

    def forget(self, is_there: Callable[[str], bool]) -> None:
        """Remove the copies of what is no longer in the storage, except what is in use."""
        if not self._folder.exists():
            return
        with locked(self._changes):
            entries = self._entries()
        for entry in entries:
            try:
                key = self._lock(entry).read_text()
            except OSError:
                continue
            if key and not is_there(key):
                with locked(self._changes):
                    self._remove_if_unused(entry)


def _bytes_in(entry: Path) -> int:
    try:
        return sum(item.stat().st_size for item in os.scandir(entry))
    except OSError:
        return 0
