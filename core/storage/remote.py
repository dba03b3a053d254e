"""A storage in an object storage that fsspec knows, such as s3://bucket/prefix.

An object is a manifest and one blob per file, named by its SHA-256. The manifest is written last
and removed first, so an object is there as a whole or not at all, and a file that takes the place
of another does so at once.
"""

from __future__ import annotations

import contextlib
import logging
import posixpath
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec

from core.storage.cache import DISK_FULL, Cache
from core.storage.manifest import FileEntry, Manifest
from quarterturn.errors import ObjectMissingError, QuarterturnError, StorageUnavailableError
from quarterturn.storage.folder import remove_older

logger = logging.getLogger(__name__)
# They say at INFO where they found credentials, which is not for the logs of trials.
for _name in ("aiobotocore", "botocore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_MANIFEST = "manifest.json"
#: What a connection may take, and how often a request is tried; botocore waits longer each time.
_S3_OPTIONS = {
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 30,
        "retries": {"mode": "standard", "max_attempts": 4},
    }
}


@contextmanager
def _answering() -> Iterator[None]:
    """What a storage's client raises, each its own, is one error here."""
    try:
        yield
    except QuarterturnError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise  # this machine's, not the storage's
        logger.warning("the storage does not answer: %s: %s", type(error).__name__, error)
        # Users see this: no addresses of the operator's network.
        raise StorageUnavailableError(type(error).__name__) from error


class RemoteStorage:
    """A `Storage` behind fsspec, with a cache on this machine.

    Args:
        work: folder of this machine for the cache and for what is being built.
        capacity: bytes of the cache.

    Raises:
        StorageUnavailableError: the address is not understood, or its package not installed.
    """

    def __init__(self, url: str, work: Path, capacity: int) -> None:
        options = _S3_OPTIONS if url.startswith("s3://") else {}
        try:
            self._fs, self._root = fsspec.url_to_fs(url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StorageUnavailableError(str(error)) from None
        self._building = work / "building"
        self._cache = Cache(work / "cache", capacity)

    def _at(self, key: str, name: str = "") -> str:
        return posixpath.join(self._root, key, name).rstrip("/")

    def partial(self, key: str) -> Path:
        self._building.mkdir(parents=True, exist_ok=True)
        return self._building / f"{uuid.uuid4().hex}-{posixpath.basename(key)}"

    def _manifest(self, key: str) -> Manifest | None:
        with _answering():
            try:
                data = self._fs.cat_file(self._at(key, _MANIFEST))
            except FileNotFoundError:
                return None
        try:
            return Manifest.from_json(data)
        except ValueError:
            return None

    def put(self, key: str, built: Path) -> None:
        before = self._manifest(key)
        with _answering():
            sizes = {path: item["size"] for path, item in self._files(key).items()}

        def lacks(file: FileEntry) -> bool:
            return sizes.get(self._at(key, file.sha256)) != file.size

        if built.is_dir() and before is not None and not any(map(lacks, before.files)):
            shutil.rmtree(built)
            return
        manifest = Manifest.of(built, posixpath.basename(key))
        with _answering():
            for file in manifest.files:
                blob = self._at(key, file.sha256)
                if lacks(file):
                    self._fs.put_file(str(built / file.name if built.is_dir() else built), blob)
            self._fs.pipe_file(self._at(key, _MANIFEST), manifest.to_json())
            old = {file.sha256 for file in before.files} if before else set()
            outdated = old - {file.sha256 for file in manifest.files}
            self._remove([self._at(key, digest) for digest in outdated])
        shutil.rmtree(built) if built.is_dir() else built.unlink()

    @contextmanager
    def held(self, key: str) -> Iterator[Path]:
        manifest = self._manifest(key)
        if manifest is None:
            raise ObjectMissingError(key)

        def fetch(folder: Path) -> None:
            for file in manifest.files:
                self._download(self._at(key, file.sha256), folder / file.name, key)
            if not manifest.describes(folder):
                raise ObjectMissingError(key, damaged=True)

        with self._cache.hold(key, manifest, fetch) as path:
            yield path

    def _download(self, blob: str, path: Path, key: str) -> None:
        with _answering():
            try:
                self._fs.get_file(blob, str(path))
            except FileNotFoundError:
                raise ObjectMissingError(key, damaged=True) from None

    def has(self, key: str) -> bool:
        with _answering():
            return bool(self._fs.exists(self._at(key, _MANIFEST)))

    def _remove(self, paths: list[str]) -> None:
        if paths:
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm(paths)

    def remove(self, key: str) -> None:
        with _answering():
            paths = list(self._files(key))
            self._remove([path for path in paths if posixpath.basename(path) == _MANIFEST])
            self._remove([path for path in paths if posixpath.basename(path) != _MANIFEST])

    def _files(self, key: str) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = self._fs.find(self._at(key), detail=True)
        except FileNotFoundError:
            return {}
        return found

    def names(self, area: str) -> list[str]:
        with _answering():
            try:
                paths = self._fs.ls(self._at(area), detail=False)
            except FileNotFoundError:
                return []
        return [posixpath.basename(path.rstrip("/")) for path in paths]

    def age(self, key: str) -> float:
        with _answering():
            times = [item.get("LastModified") for item in self._files(key).values()]
        known = [time for time in times if isinstance(time, datetime)]
        return (datetime.now(UTC) - max(known)).total_seconds() if known else 0.0

    def tidy(self, seconds: float) -> None:
        remove_older(self._building.glob("*"), seconds)
        self._cache.forget(self.has)
