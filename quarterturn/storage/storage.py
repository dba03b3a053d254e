"""What a storage can do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """Files and folders by key, such as `datasets/DIGEST`. What is there is there as a whole.

    Every method may raise StorageUnavailableError, if the storage does not answer.
    """

    def partial(self, key: str) -> Path:
        """A free path to build the file or folder of `key` at, from where `put` takes it."""

    def put(self, key: str, built: Path) -> None:
        """Take what was built at a `partial` path. A file takes the place of an earlier one; of a
        folder the earlier one stays, as folders are named by their content.
        """

    def held(self, key: str) -> AbstractContextManager[Path]:
        """Where the file or folder lies on this machine; it stays there until the block ends.

        Raises:
            ObjectMissingError: it is not there, or damaged. CacheFullError: no room for a copy.
        """

    def has(self, key: str) -> bool:
        """Whether it is there."""

    def remove(self, key: str) -> None:
        """Remove what is under `key`, which may be the first parts of several: `checkpoints/JOB`.
        Without effect if there is nothing.
        """

    def names(self, area: str) -> list[str]:
        """The first parts of keys below `area`, such as the digests below `datasets`."""

    def age(self, key: str) -> float:
        """Seconds since anything under `key` was written; 0 if there is nothing."""

    def tidy(self, seconds: float) -> None:
        """Remove what was begun at a `partial` path longer ago than that and never put, and copies
        on this machine of what was removed.
        """
