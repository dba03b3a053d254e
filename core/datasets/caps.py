"""Limits on archives, counted on real files and bytes; headers are not believed."""

from __future__ import annotations

from core.errors import TooLargeError
from core.settings import Settings


class Caps:
    """Counts what comes out of one archive."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bytes = 0
        self._files = 0

    def count(self, *, files: int = 0, size: int = 0) -> None:
        """Add files and unpacked bytes.

        Raises:
            TooLargeError: `archive_too_large`.
        """
        self._files += files
        self._bytes += size
        if self._files > self._settings.max_members:
            raise TooLargeError(
                f"The archive holds more than {self._settings.max_members} files. "
                "Split it, or raise QUARTERTURN_MAX_MEMBERS.",
                code="archive_too_large",
            )
        if self._bytes > self._settings.max_archive_bytes:
            raise TooLargeError(
                f"The archive unpacks to more than {self._settings.max_archive_bytes} bytes. "
                "Split it, or raise QUARTERTURN_MAX_ARCHIVE_BYTES.",
                code="archive_too_large",
            )
