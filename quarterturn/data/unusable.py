"""What may be decoded, and the error of a file that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass


class UnusableImageError(Exception):
    """The file cannot be used; `reason` is a stable code, `message` says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnusableImageError], tuple[str, str]]:
        return type(self), (self.reason, self.message)


@dataclass(frozen=True)
class DecodeLimits:
    """Limits on one image, in pixels, and on its file, in bytes; and on the process that decodes
    it: CPU seconds per image, and bytes of memory. `prefix` is put before the names of limits in
    messages, where they are settings.
    """

    max_pixels: int
    min_side: int
    max_bytes: int = 64 * 2**20
    max_seconds: float = 20.0
    max_memory: int = 2 * 2**30
    prefix: str = ""

    def name_of(self, limit: str) -> str:
        """What the person who reads a message would change."""
        return (self.prefix + limit).upper() if self.prefix else limit

    @property
    def max_unpacked(self) -> int:
        """Bytes that a packed file (.nii.gz, .npz) may unpack to: a quarter of the memory."""
        return self.max_memory // 4


def too_many_pixels(limits: DecodeLimits, size: str = "more") -> UnusableImageError:
    """The error of an image of more pixels than are allowed."""
    return UnusableImageError(
        "too_many_pixels",
        f"{size} pixels; at most {limits.max_pixels} are read. Make it smaller, or raise "
        f"{limits.name_of('max_image_pixels')}",
    )


def check_size(width: int, height: int, limits: DecodeLimits) -> None:
    """Refuse a picture by its size in pixels, before its pixels are decoded.

    Raises:
        UnusableImageError: `too_many_pixels` or `too_small`.
    """
    if width * height > limits.max_pixels:
        raise too_many_pixels(limits, f"{width}x{height}")
    if min(width, height) < limits.min_side:
        raise UnusableImageError(
            "too_small",
            f"{width}x{height} pixels; sides of {limits.min_side} are needed "
            f"({limits.name_of('min_image_side')})",
        )
