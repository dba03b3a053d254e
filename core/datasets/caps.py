"""Limits on archives, counted on real files and bytes; headers are not believed."""

from __future__ import annotations

from core.errors import InvalidInputError, TooLargeError
from core.settings import Settings

#: A file that crashes a decoder costs a process; somebody who sends several means to.
MOST_CRASHES = 10


class Caps:
    """Counts what comes out of one archive."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._packed: int | None = None
        self._bytes = 0
        self._files = 0
        self._crashes = 0

    def packed(self, size: int) -> None:
        """Say how large the archive is as it was sent, for the cap on the ratio."""
        self._packed = size

    def allow_files(self, files: int) -> None:
        """Refuse a number of files, without counting them.

        Raises:
            TooLargeError: `archive_too_large`.
        """
        if files > self._settings.max_members:
            raise TooLargeError(
                f"The archive holds more than {self._settings.max_members} files. "
                "Split it, or raise QUARTERTURN_MAX_MEMBERS.",
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
        if self._bytes > self._settings.max_archive_bytes:
            raise TooLargeError(
                f"The archive unpacks to more than {self._settings.max_archive_bytes} bytes. "
                "Split it, or raise QUARTERTURN_MAX_ARCHIVE_BYTES.",
                code="archive_too_large",
            )
        ratio = self._settings.max_archive_ratio
        # One whole file may be as empty as it likes: a blank bitmap shrinks a thousandfold.
        most = self._settings.max_member_bytes + ratio * (self._packed or 0)
        if self._packed is not None and self._bytes > most:
            raise TooLargeError(
                f"The archive unpacks to more than {ratio} times its size, which images do not. "
                "Leave out the blank ones, or raise QUARTERTURN_MAX_ARCHIVE_RATIO.",
                code="archive_too_large",
            )
        if self._crashes > MOST_CRASHES:
            raise InvalidInputError(
                f"More than {MOST_CRASHES} files crash the decoder or keep it busy for too long. "
                "Leave such files out.",
                code="harmful_files",
            )
