"""Streams that are packed as a whole: gzip, bzip2, xz and Zstandard, unpacked piece by piece."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from functools import partial
from typing import IO, Any, cast

from quarterturn.errors import InvalidInputError

_PIECE = 2**16
#: What a stream may ask for to be unpacked; the strongest setting of xz needs 65 MiB.
_MEMORY = 128 * 2**20


class Unpacking(io.RawIOBase):
    """Reads through a decompressor of the standard library, one stream after another."""

    def __init__(self, raw: IO[bytes], make: Callable[[], Any]) -> None:
        self._raw, self._make, self._decompressor = raw, make, make()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while True:
            if self._decompressor.eof:
                rest = self._decompressor.unused_data or self._raw.read(_PIECE)
                if not rest.strip(b"\0"):
                    return 0
                self._decompressor = self._make()
            else:
                rest = self._raw.read(_PIECE) if self._decompressor.needs_input else b""
                if self._decompressor.needs_input and not rest:
                    raise EOFError("the stream ends early")
            data = self._decompressor.decompress(rest, size)
            if data:
                buffer[: len(data)] = data
                return len(data)


def _zstandard(raw: IO[bytes]) -> IO[bytes]:
    try:
        import zstandard
    except ImportError:
        raise InvalidInputError(
            "The file is packed by Zstandard; install quarterturn[pictures] where files are read, "
            "or pack it by gzip.",
            code="not_an_archive",
        ) from None
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MEMORY)
    return cast(IO[bytes], unpacker.stream_reader(raw, read_across_frames=True))


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """The stream that is packed in a file, or the file itself.

    Raises:
        InvalidInputError: `not_an_archive`, a package is missing.
    """
    mark = file.read(6)
    file.seek(0)
    if mark.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if mark.startswith(b"BZh"):
        return cast(IO[bytes], io.BufferedReader(Unpacking(file, bz2.BZ2Decompressor)))
    if mark == b"\xfd7zXZ\0":
        make = partial(lzma.LZMADecompressor, memlimit=_MEMORY)
        return cast(IO[bytes], io.BufferedReader(Unpacking(file, make)))
    return _zstandard(file) if mark.startswith(b"\x28\xb5\x2f\xfd") else file
