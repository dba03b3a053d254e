"""The storage that the settings name."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from core.settings import Settings
from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.storage import Storage

_LOCAL = "file://"


@lru_cache(maxsize=8)
def _open(url: str | None, data_dir: Path, capacity: int) -> Storage:
    if not url:
        return FolderStorage(data_dir)
    if url.startswith(_LOCAL):
        return FolderStorage(Path(url.removeprefix(_LOCAL)))
    from core.storage.remote import RemoteStorage  # not needed, and not quick to import, before

    return RemoteStorage(url, data_dir, capacity)


# A client of an object storage does not survive a fork.
os.register_at_fork(after_in_child=_open.cache_clear)


def storage_of(settings: Settings) -> Storage:
    """The storage; one per process.

    Raises:
        StorageUnavailableError: its address is not understood, or its package is not installed.
    """
    data_dir = settings.data_dir.expanduser()
    return _open(settings.storage_url, data_dir, settings.cache_bytes)
