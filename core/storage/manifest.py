"""What an object consists of: its files, each with size and SHA-256."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FileEntry:
    """One file: `sha256` of its content, 64 hex digits, and `size` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """The files of an object; `is_folder` says whether it is a folder of them or the one itself."""

    is_folder: bool
    files: tuple[FileEntry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Of the whole object, 64 hex digits."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def path_in(self, entry: Path) -> Path:
        """Where the file or folder lies, if its files are in the folder `entry`."""
        return entry if self.is_folder else entry / self.files[0].name

    def describes(self, entry: Path) -> bool:
        """Whether the folder `entry` holds these files, byte for byte. Reads them all."""
        return all(file == _entry(entry / file.name) for file in self.files)

    def to_json(self) -> bytes:
        files = [{"name": f.name, "sha256": f.sha256, "size": f.size} for f in self.files]
        return json.dumps({"format": 1, "folder": self.is_folder, "files": files}).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Raises:
        ValueError: it is none.
        """
        try:
            document: dict[str, Any] = json.loads(data)
            files = tuple(
                FileEntry(Path(str(f["name"])).name, str(f["sha256"]), int(f["size"]))
                for f in document["files"]
            )
            return cls(bool(document["folder"]), files)
        except (TypeError, KeyError, UnicodeDecodeError) as error:
            raise ValueError(f"is no manifest: {error}") from None

    @classmethod
    def of(cls, built: Path, name: str) -> Manifest:
        """Of a folder of files, or of a file that is to have the name `name`. Reads them all.

        Raises:
            OSError: it cannot be read.
        """
        if built.is_dir():
            paths = sorted(path for path in built.iterdir() if path.is_file())
            return cls(True, tuple(_must(path, path.name) for path in paths))
        return cls(False, (_must(built, name),))


def _must(path: Path, name: str) -> FileEntry:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileEntry(name, digest, stream.tell())


def _entry(path: Path) -> FileEntry | None:
    try:
        return _must(path, path.name)
    except OSError:
        return None
