"""What the standard reader of .tar files may take: forwards only, counted, headers of a fair size.

Left to itself it reads a header of any length into memory, unpacks whatever it skips without
asking, and goes back to where a negative size points.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from quarterturn.data.caps import Caps
from quarterturn.data.packed import unpacked

#: All headers in front of one file; names and attributes of real archives take a few KiB.
HEADERS = 256 * 2**10
_PIECE = 2**20


class CountedStream:
    """A stream for `tarfile`; every byte that comes out of the archive counts, skipped ones too."""

    def __init__(self, raw: IO[bytes], caps: Caps) -> None:
        self._raw, self._caps = raw, caps
        self._at = 0
        self._allowed = HEADERS

    def allow(self, size: int) -> None:
        """Let the next reads take `size` bytes in all."""
        self._allowed = size

    def _take(self, size: int) -> bytes:
        data = self._raw.read(size)
        self._at += len(data)
        self._caps.count(size=len(data))
        return data

    def read(self, size: int) -> bytes:
        self._allowed -= size
        if size < 0 or self._allowed < 0:
            raise tarfile.ReadError("a header is too long")
        return self._take(size)

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> None:
        if position < self._at:
            raise tarfile.ReadError("it points backwards")
        while self._at < position and self._take(min(_PIECE, position - self._at)):
            pass


def members(archive: tarfile.TarFile, stream: CountedStream) -> Iterator[tarfile.TarInfo]:
    """The members one after another; nothing is kept of those that have passed."""
    while True:
        stream.allow(HEADERS)
        info = archive.next()
        if info is None:
            return
        archive.members.clear()  # type: ignore[attr-defined]
        archive.pax_headers = {}
        yield info


def data_of(
    archive: tarfile.TarFile, stream: CountedStream, info: tarfile.TarInfo, limit: int
) -> bytes:
    """The bytes of a member, or one more than `limit` of them."""
    stream.allow(limit + _PIECE)
    file = archive.extractfile(info)
    return file.read(min(limit, info.size) + 1) if file else b""


@contextmanager
def open_tar(path: Path, caps: Caps) -> Iterator[tuple[tarfile.TarFile, CountedStream]]:
    """Open a .tar, packed or not.

    Raises:
        tarfile.TarError, OSError, EOFError, zlib.error: it is none, or damaged.
    """
    with path.open("rb") as file:
        stream = CountedStream(unpacked(file), caps)
        with tarfile.open(fileobj=cast(Any, stream), mode="r:") as archive:
            yield archive, stream
