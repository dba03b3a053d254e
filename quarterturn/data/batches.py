"""Reading and decoding of many files at once. Runs in child processes."""

from __future__ import annotations

import warnings
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache

from quarterturn.data.confine import confine, start_clock, stop_clock
from quarterturn.data.decode import DecodeLimits, UnusableImageError, decode, open_rgb
from quarterturn.data.members import Member, ZipEntry, too_big


@dataclass
class DecodedBatch:
    """Usable images: names, and pixels and digests joined; the rest as (name, reason, message).

    `bytes_read` counts what came out of a .zip, `crashes` the files that ended the decoder.
    """

    names: list[str] = field(default_factory=list)
    pixels: bytes = b""
    digests: bytes = b""
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    bytes_read: int = 0
    crashes: int = 0


@lru_cache(maxsize=2)
def _opened(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def read(member: Member, limits: DecodeLimits) -> bytes:
    """The bytes of a file.

    Raises:
        UnusableImageError: `damaged` or `file_too_large`.
    """
    if isinstance(member.data, bytes):
        return member.data
    try:
        archive = _opened(member.data.archive)
        with archive.open(archive.infolist()[member.data.index]) as stream:
            data = stream.read(limits.max_bytes + 1)
    except Exception as error:  # whatever the reader makes of a damaged or hostile file
        raise UnusableImageError("damaged", f"cannot be unpacked: {error}") from None
    if len(data) > limits.max_bytes:
        refused = too_big(member.name, limits.max_bytes)
        raise UnusableImageError(refused.reason, refused.message)
    return data


def decode_batch(batch: list[Member], resolution: int, limits: DecodeLimits) -> DecodedBatch:
    """Read and decode files."""
    confine(limits)
    result = DecodedBatch()
    pixels, digests = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd files; they are reported or fine
        for member in batch:
            try:
                start_clock(limits)
                data = read(member, limits)
                if isinstance(member.data, ZipEntry):
                    result.bytes_read += len(data)
                decoded = decode(data, resolution, limits)
            except UnusableImageError as error:
                if error.reason == "file_too_large":
                    result.bytes_read += limits.max_bytes
                result.skipped.append((member.name, error.reason, error.message))
                continue
            result.names.append(member.name)
            pixels.append(decoded.pixels.tobytes())
            digests.append(decoded.digest)
    stop_clock()
    result.pixels, result.digests = b"".join(pixels), b"".join(digests)
    return result


def short_sides(batch: list[Member], limits: DecodeLimits) -> list[int]:
    """The shorter sides, in pixels, of the files that can be used."""
    confine(limits)
    sides = []
    for member in batch:
        try:
            start_clock(limits)
            sides.append(min(open_rgb(read(member, limits), limits).size))
        except UnusableImageError:
            continue
    stop_clock()
    return sides
