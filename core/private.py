"""Folders that hold users' images: nobody else of the machine reads them."""

from __future__ import annotations

import os
from pathlib import Path

from quarterturn.errors import UnavailableError


def make_private(folder: Path) -> None:
    """Make a folder that its owner alone may enter; one that is there is closed to others, if it is
    this user's.

    Raises:
        UnavailableError: `data_dir_unusable`.
    """
    # The embedded PostgreSQL is not run as root, and its folder lies below.
    mode = 0o700 if os.getuid() else 0o711
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
        if folder.stat().st_mode & 0o077 & ~mode:
            folder.chmod(mode)
    except PermissionError as error:
        if folder.is_dir():  # somebody else's, who may know why
            return
        raise _unusable(folder, error) from None
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"The data folder {folder} cannot be used ({error.strerror}). Name another with --data-dir "
        "or QUARTERTURN_DATA_DIR.",
        code="data_dir_unusable",
    )
