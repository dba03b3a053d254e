"""Unpacking of files that are packed by themselves, no further than the caps allow."""

from __future__ import annotations

import zlib

from quarterturn.data.unusable import DecodeLimits, UnusableImageError


def is_gzip(data: bytes) -> bool:
    return data.startswith(b"\x1f\x8b")


def peek_gzip(data: bytes, size: int = 1024) -> bytes:
    """The first bytes of what is packed, none if it cannot be unpacked."""
    try:
        return zlib.decompressobj(31).decompress(data[: 64 * 1024], size)
    except zlib.error:
        return b""


def unpack_gzip(data: bytes, limits: DecodeLimits) -> bytes:
    """Unpack a file.

    Raises:
        UnusableImageError: `damaged` or `file_too_large`.
    """
    packer = zlib.decompressobj(31)
    try:
        unpacked = packer.decompress(data, limits.max_unpacked)
    except zlib.error as error:
        raise UnusableImageError("damaged", f"cannot be unpacked: {error}") from None
    if not packer.eof:
        if packer.unconsumed_tail or len(unpacked) >= limits.max_unpacked:
            raise UnusableImageError(
                "file_too_large",
                f"unpacks to more than {limits.max_unpacked} bytes, a quarter of "
                f"{limits.name_of('decode_memory_bytes')}",
            )
        raise UnusableImageError("damaged", "ends early; copy or download it again")
    return unpacked
