"""Archives within an archive, as Kaggle packs its sets: one level deep, unpacked to files of their
own under the caps of all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from quarterturn.data.caps import Caps

_PIECE = 2**20
#: Endings of files that are looked into.
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".tbz2", ".txz")

Opened = Callable[[], AbstractContextManager[IO[bytes]]]


def is_archive_name(name: str) -> bool:
    """Whether a file is to be looked into, by its ending: inside of an archive its first bytes
    cannot be seen before all of it is read.
    """
    return name.lower().endswith(ARCHIVES)


class Unpacked:
    """Archives that were unpacked, each to a file below `folder`, or below the system's temporary
    folder; they are there for as long as this object is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._below = folder
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[tuple[str, str], Path] = {}

    def path_of(self, outer: Path, name: str, opened: Opened, caps: Caps, *, counted: bool) -> Path:
        """The file that an archive was unpacked to; once for all times its set is gone through.

        Args:
            counted: the stream counts its bytes itself.

        Raises:
            TooLargeError: `archive_too_large`. What the reader of the outer archive raises.
        """
        key = (str(outer), name)
        if key in self._files:
            if not counted:
                caps.count(size=self._files[key].stat().st_size)
            return self._files[key]
        if self._folder is None:
            if self._below is not None:
                self._below.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix="quarterturn-", dir=self._below)
        path = Path(self._folder.name, str(len(self._files)))
        with opened() as stream, path.open("wb") as target:
            while piece := stream.read(_PIECE):
                if not counted:
                    caps.count(size=len(piece))
                target.write(piece)
        self._files[key] = path
        return path
