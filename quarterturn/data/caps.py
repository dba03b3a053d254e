"""Limits on what is read, counted on real files and bytes; headers are not believed."""

from __future__ import annotations

from dataclasses import dataclass

from quarterturn.errors import InvalidInputError, TooLargeError

#: A file that crashes a decoder costs a process; somebody who sends several means to.
MOST_CRASHES = 10


@dataclass(frozen=True)
class IngestLimits:
    """What may be read from one archive or folder.

    Attributes:
        max_archive_bytes, max_member_bytes: of all files and of one, unpacked.
        max_archive_ratio: unpacked bytes per byte of an archive, one largest file aside.
        max_image_pixels, min_image_side: of an image that is used.
        min_images: fewest usable images of a set.
        decode_processes: child processes that decode; 0: one per core.
        decode_seconds, decode_memory_bytes: CPU time for one image, and memory of such a process.
        max_cpu_seconds: CPU time for all images, gone through as often as need be.
        prefix: put before the names of limits in messages, where they are settings.
    """

    max_archive_bytes: int = 64 * 2**30
    max_member_bytes: int = 64 * 2**20
    max_members: int = 1_000_000
    max_archive_ratio: int = 100
    max_image_pixels: int = 50_000_000
    min_image_side: int = 8
    min_images: int = 100
    decode_processes: int = 0
    decode_seconds: float = 20.0
    decode_memory_bytes: int = 2 * 2**30
    max_cpu_seconds: float = 8 * 3600.0
    prefix: str = ""

    def name_of(self, limit: str) -> str:
        """What the person who reads a message would change."""
        return (self.prefix + limit).upper() if self.prefix else limit


class Caps:
    """Counts what comes out of one archive or folder."""

    def __init__(self, limits: IngestLimits) -> None:
        self.limits = limits
        self._packed: int | None = None
        self._bytes = 0
        self._files = 0
        self._crashes = 0
        self._seconds = 0.0

    def restart(self) -> None:
        """Count from nothing: the same files are gone through once more."""
        self._bytes = self._files = self._crashes = 0

    def packed(self, size: int) -> None:
        """Say how large the archive is as it was sent, for the cap on the ratio."""
        self._packed = size

    def allow_files(self, files: int) -> None:
        """Refuse a number of files, without counting them.

        Raises:
            TooLargeError: `archive_too_large`.
        """
        if files > self.limits.max_members:
            raise TooLargeError(
                f"The archive holds more than {self.limits.max_members} files. "
                f"Split it, or raise {self.limits.name_of('max_members')}.",
                code="archive_too_large",
            )

    def spend(self, seconds: float) -> None:
        """Add CPU time of decoding; that of going through the files once more counts as well.

        Raises:
            TooLargeError: `archive_too_large`.
        """
        self._seconds += seconds
        if self._seconds > self.limits.max_cpu_seconds:
            raise TooLargeError(
                f"The images take more than {self.limits.max_cpu_seconds:g} seconds of CPU to "
                f"decode. Split them, or raise {self.limits.name_of('max_cpu_seconds')}.",
                code="archive_too_large",
            )

    def count(self, *, files: int = 0, size: int = 0, crashes: int = 0) -> None:
        """Add files, unpacked bytes, and files that crashed a decoder.

        Raises:
            TooLargeError: `archive_too_large`.
            InvalidInputError: `harmful_files`.
        """
        self._files += files
        self._bytes += size
        self._crashes += crashes
        self.allow_files(self._files)
        if self._bytes > self.limits.max_archive_bytes:
            raise TooLargeError(
                f"The archive unpacks to more than {self.limits.max_archive_bytes} bytes. "
                f"Split it, or raise {self.limits.name_of('max_archive_bytes')}.",
                code="archive_too_large",
            )
        ratio = self.limits.max_archive_ratio
        # One whole file may be as empty as it likes: a blank bitmap shrinks a thousandfold.
        most = self.limits.max_member_bytes + ratio * (self._packed or 0)
        if self._packed is not None and self._bytes > most:
            raise TooLargeError(
                f"The archive unpacks to more than {ratio} times its size, which images do not. "
                f"Leave out the blank ones, or raise {self.limits.name_of('max_archive_ratio')}.",
                code="archive_too_large",
            )
        if self._crashes > MOST_CRASHES:
            raise InvalidInputError(
                f"More than {MOST_CRASHES} files crash the decoder or keep it busy for too long. "
                "Leave such files out.",
                code="harmful_files",
            )
