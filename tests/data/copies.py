"""Decoded images that a test may write beside."""

from __future__ import annotations

import shutil
from pathlib import Path


def copy_of(folder: Path, target: Path) -> Path:
    """A copy of a folder of decoded images; returns `target`."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("previews", "references"))
    return target
