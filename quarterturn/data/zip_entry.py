"""A file of a .zip, read by where its directory says that it lies.

The processes that decode read files here and there of an archive; for that the standard reader
would take the whole directory into memory in each of them, which takes longer than decoding does.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

_LOCAL = 30  # bytes before the name in front of a file's own bytes
_MARK = b"PK\x03\x04"
#: What a packed file may be longer than an unpacked one of the same data.
_OVERHEAD = 64 * 2**10


class ZipEntry(NamedTuple):
    """Where a file lies in a .zip, from its directory: `start` is that of its header, `packed` and
    `size` are bytes, which are not believed.
    """

    archive: str
    start: int
    packed: int
    size: int
    check: int
    stored: bool

    @classmethod
    def of(cls, archive: str, info: zipfile.ZipInfo) -> ZipEntry:
        stored = info.compress_type == zipfile.ZIP_STORED
        return cls(
            archive, info.header_offset, info.compress_size, info.file_size, info.CRC, stored
        )


@lru_cache(maxsize=2)
def _opened(path: str) -> BinaryIO:
    return Path(path).open("rb")  # kept for the next files of the same archive


def unpack(entry: ZipEntry, limit: int) -> bytes:
    """The bytes of a file, or one more than `limit` of them.

    Raises:
        zipfile.BadZipFile, zlib.error, OSError: it is damaged, or not there.
    """
    stream = _opened(entry.archive)
    stream.seek(entry.start)
    head = stream.read(_LOCAL)
    if len(head) < _LOCAL or not head.startswith(_MARK):
        raise zipfile.BadZipFile("it does not lie where the directory says")
    stream.seek(sum(struct.unpack("<HH", head[26:30])), 1)
    raw = stream.read(min(entry.packed, limit + 1 if entry.stored else limit + _OVERHEAD))
    if entry.stored:
        data, whole = raw, len(raw) == entry.packed
    else:
        unpacker = zlib.decompressobj(-15)
        data = unpacker.decompress(raw, limit + 1)
        whole = unpacker.eof
    if len(data) > limit:
        return data
    if not whole or len(data) != entry.size:
        raise zipfile.BadZipFile("it is not as long as the directory says")
    if zlib.crc32(data) != entry.check:
        raise zipfile.BadZipFile("its checksum is another")
    return data
