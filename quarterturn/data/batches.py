"""Reading and decoding of many files at once. Runs in child processes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from quarterturn.data.confine import confine, start_clock, stop_clock
from quarterturn.data.decode import decode_picture
from quarterturn.data.files import read_file
from quarterturn.data.formats import ReadOptions, arrays, parquet, read_pictures
from quarterturn.data.formats.jpeg_header import read_frame
from quarterturn.data.members import FileEntry, Member, too_big
from quarterturn.data.observed import Observed
from quarterturn.data.picture import Picture
from quarterturn.data.plan import DecodePlan
from quarterturn.data.unusable import DecodeLimits, UnusableImageError
from quarterturn.data.zip_entry import unpack

#: A quarter more than the largest working resolution: more of a photograph is thrown away.
ENOUGH = 320
#: Decoded images that one batch gives at most; what is left of it is asked for anew.
_MAX_PIXEL_BYTES = 48 * 2**20


@dataclass
class DecodedBatch:
    """Usable images: names, and pixels and digests joined; the rest as (name, reason, message).

    `bytes_read` counts what came out of a .zip or a folder, `crashes` the files that ended the
    decoder, `waiting` the pictures that need an intensity range which is not known yet, `seconds`
    the CPU time. `rest` is what was not come to.
    """

    names: list[str] = field(default_factory=list)
    pixels: bytes = b""
    digests: bytes = b""
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    bytes_read: int = 0
    crashes: int = 0
    waiting: int = 0
    seconds: float = 0.0
    observed: Observed = field(default_factory=Observed)
    rest: list[Member] = field(default_factory=list)

    def append(self, other: DecodedBatch) -> None:
        """Take what another one holds."""
        self.names += other.names
        self.pixels += other.pixels
        self.digests += other.digests
        self.skipped += other.skipped
        self.bytes_read += other.bytes_read
        self.crashes += other.crashes
        self.waiting += other.waiting
        self.seconds += other.seconds
        self.observed.merge(other.observed)
        self.rest += other.rest


def read(member: Member, limits: DecodeLimits) -> bytes:
    """The bytes of a file.

    Raises:
        UnusableImageError: `damaged`, `unreadable` or `file_too_large`.
    """
    if isinstance(member.data, bytes):
        return member.data
    if isinstance(member.data, FileEntry):
        data = read_file(member.data.path, limits.max_bytes + 1)
    else:
        try:
            data = unpack(member.data, limits.max_bytes)
        except Exception as error:  # whatever the reader makes of a damaged or hostile file
            raise UnusableImageError("damaged", f"cannot be unpacked: {error}") from None
    if len(data) > limits.max_bytes:
        refused = too_big(member.name, limits.max_bytes, limits.name_of("max_member_bytes"))
        raise UnusableImageError(refused.reason, refused.message)
    return data


def table_rows(member: Member, options: ReadOptions) -> Iterator[tuple[int, bytes | None]] | None:
    """The files in the rows of a table, from the first wanted on; None if the file is none.

    One that lies in a folder is recognized by its name, and read a few rows at a time.
    """
    data = member.data
    named = member.name.lower().endswith((".parquet", ".pq"))
    if named and isinstance(data, FileEntry):
        is_one = parquet.is_parquet(read_file(data.path, 4))
        return parquet.image_files(data.path, options, member.start) if is_one else None
    if named and not isinstance(data, bytes):
        data = read(member, options.limits)
    if isinstance(data, bytes) and parquet.is_parquet(data):
        return parquet.image_files(data, options, member.start)
    return None


def array_path(member: Member) -> str | None:
    """Where an array lies that is a file of a folder, by name and content: it is read in parts."""
    data = member.data
    if isinstance(data, FileEntry) and member.name.lower().endswith(".npy"):
        return data.path if arrays.is_npy(read_file(data.path, 8)) else None
    return None


class _Batch:
    """The files of a batch, one after another."""

    def __init__(self, plan: DecodePlan, limits: DecodeLimits) -> None:
        self.plan, self.limits = plan, limits
        bands = plan.pictures.bands
        self.options = ReadOptions(limits, tuple(bands) if bands else None, ENOUGH)
        self.result = DecodedBatch()
        self.pixels: list[bytes] = []
        self.digests: list[bytes] = []
        self.room = max(1, _MAX_PIXEL_BYTES // (plan.resolution**2 * 3))

    def _pictures(self, member: Member) -> Iterator[Picture]:
        if (path := array_path(member)) is not None:
            for picture in arrays.map_npy(path, self.options, member.start):
                self.result.bytes_read += picture.size[0] * picture.size[1]
                yield picture
                start_clock(self.limits)
            return
        data = read(member, self.limits)
        if member.start == 0 and not isinstance(member.data, bytes):
            self.result.bytes_read += len(data)
        for number, picture in enumerate(read_pictures(data, self.options)):
            if number >= member.start:
                yield picture
            start_clock(self.limits)

    def add(self, member: Member) -> int | None:
        """Decode the pictures of a file, or of the files in a table.

        Returns:
            The number of the first picture, or row, that there was no room for; None if there was.
        """
        rows = table_rows(member, self.options)
        if rows is None:
            return self._add(member, self.room)
        for number, data in rows:
            if len(self.pixels) >= self.room:
                return number
            name = f"{member.name}#{number + 1}"
            start_clock(self.limits)
            try:
                if data is None:
                    raise parquet.no_file()
                if isinstance(member.data, FileEntry):
                    self.result.bytes_read += len(data)
                self._add(Member(name, data), None)
            except UnusableImageError as error:
                self.skip(name, error)
        return None

    def _add(self, member: Member, room: int | None) -> int | None:
        result = self.result
        number = member.start
        for picture in self._pictures(member):
            if room is not None and len(self.pixels) >= room:
                return number
            number += 1
            decoded = decode_picture(picture, self.plan, result.observed)
            if decoded is None:
                result.waiting += 1
                continue
            result.names.append(member.name + picture.label)
            self.pixels.append(decoded.pixels.tobytes())
            self.digests.append(decoded.digest)
        return None

    def skip(self, name: str, error: UnusableImageError) -> None:
        if error.reason == "file_too_large":
            self.result.bytes_read += self.limits.max_bytes
        self.result.skipped.append((name, error.reason, error.message))


def decode_batch(files: list[Member], plan: DecodePlan, limits: DecodeLimits) -> DecodedBatch:
    """Read and decode files."""
    confine(limits)
    began = time.process_time()
    batch = _Batch(plan, limits)
    result = batch.result
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd files; they are reported or fine
        for place, member in enumerate(files):
            try:
                start_clock(limits)
                left = batch.add(member)
            except UnusableImageError as error:
                batch.skip(member.name, error)
            except MemoryError:
                message = "needs more memory than allowed"
                batch.skip(member.name, UnusableImageError("too_much_memory", message))
            else:
                if left is not None:
                    result.rest = [member._replace(start=left), *files[place + 1 :]]
                    break
    stop_clock()
    result.pixels, result.digests = b"".join(batch.pixels), b"".join(batch.digests)
    result.observed.count_levels()
    result.seconds = time.process_time() - began
    return result


def short_sides(members: list[Member], limits: DecodeLimits) -> list[int]:
    """The shorter sides, in pixels, of the first pictures of the files that can be used."""
    confine(limits)
    sides = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for member in members:
            try:
                start_clock(limits)
                rows = table_rows(member, ReadOptions(limits))
                if (path := array_path(member)) is not None:
                    first_few = islice(arrays.map_npy(path, ReadOptions(limits), 0), 1)
                    sides += [min(picture.size) for picture in first_few]
                elif rows is None:
                    sides += _short_side(read(member, limits), limits)
                else:
                    _, first = next(rows, (0, None))
                    sides += _short_side(first or b"", limits)
            except (UnusableImageError, MemoryError):
                continue
    stop_clock()
    return sides


def _short_side(data: bytes, limits: DecodeLimits) -> list[int]:
    """That of the first picture; of a JPEG from its header, or photographs cost twice."""
    frame = read_frame(data) if data.startswith(b"\xff\xd8\xff") else None
    if frame is not None:
        return [min(frame.width, frame.height)]
    return [min(picture.size) for picture in islice(read_pictures(data, ReadOptions(limits)), 1)]
