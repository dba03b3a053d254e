"""Looking through the directory of a .zip before the standard reader takes it into memory.

The reader makes an object of each entry before any of them can be counted, and believes where each
begins: entries that share their bytes unpack to far more than the archive could hold (David
Fifield, "A better zip bomb", 2019).
"""

from __future__ import annotations

import io
import struct
import zipfile
from itertools import pairwise
from pathlib import Path

from quarterturn.data.caps import Caps
from quarterturn.errors import InvalidInputError, TooLargeError

_ENTRY = 46  # bytes of an entry, before its name
_LENGTHS = struct.Struct("<HHH").unpack_from  # of the name, of the rest, of the comment
_PART = 2**18  # bytes of the directory looked at at once
_LOCAL = 30  # bytes before the name in front of a file's own bytes
#: The reader looks for the end of the directory in no more than these last bytes.
_TAIL = 22 + 2**16
_LARGEST_DIRECTORY = 512 * 2**20
#: Methods whose output can be asked for in small pieces; bzip2 and LZMA have to be taken as it
#: comes.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class CheckedFile(io.BufferedReader):
    """The file of a .zip. Any read as long as a directory must be one that passes the caps."""

    def __init__(self, path: Path, caps: Caps) -> None:
        super().__init__(io.FileIO(path))
        self._caps = caps

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _TAIL:
            self._look_through(size)
        return super().read(size)

    def _look_through(self, size: int) -> None:
        start = at = self.tell()
        count = 0
        part, begins = b"", start
        while at < start + size:
            if at + _ENTRY > begins + len(part):
                self.seek(at)
                part, begins = super().read(_PART), at
            if len(part) < _ENTRY or not part.startswith(b"PK\x01\x02", at - begins):
                break  # the reader says what is wrong
            at += _ENTRY + sum(_LENGTHS(part, at - begins + 28))
            count += 1
            self._caps.allow_files(count)
        if size > _LARGEST_DIRECTORY:
            raise TooLargeError(
                "The directory of the archive is too large. Split it, or shorten the names.",
                code="archive_too_large",
            )
        self.seek(start)


def refuse_overlaps(archive: zipfile.ZipFile) -> None:
    """Refuse an archive in which files share bytes.

    Raises:
        InvalidInputError: `overlapping_members`.
    """
    spans = sorted(
        (info.header_offset, info.header_offset + _LOCAL + info.compress_size)
        for info in archive.infolist()
    )
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > following for (_, end), (following, _) in pairwise(spans)):
        raise InvalidInputError(
            "Files of the archive overlap, as in an archive that is made to do harm. Pack the "
            "images anew.",
            code="overlapping_members",
        )
