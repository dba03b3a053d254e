"""Twelve labelled sets of real images, each an archive of files `CLASS/GROUP__ID.ext`.

They are not in the repository: `QUARTERTURN_SETS` names the folder of the archives. Their licences
are in `benchmarks/experiments/table/README.md`.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import numpy as np

from benchmarks.datasets.labelled import Labelled, picture

ARCHIVED = (
    "clothing",
    "grocery",
    "gtsrb",
    "seedlings",
    "trashnet",
    "rsscn7",
    "chestxray",
    "malaria",
    "plankton",
    "deeppcb",
    "omniglot",
    "signdigits",
)
#: Pixels of a side; the files have 64 on their short side.
ARCHIVE_RESOLUTION = 32
_IMAGES = (".jpg", ".png")


def archive_path(name: str) -> Path:
    """The archive of a set, in the folder `QUARTERTURN_SETS`."""
    default = Path(__file__).parents[2] / ".." / "shared" / "data" / "sets"
    path = Path(os.environ.get("QUARTERTURN_SETS", default)).resolve() / f"{name}.zip"
    if not path.exists():
        sys.exit(f"There is no {path}; set QUARTERTURN_SETS to the folder of {name}.zip.")
    return path


def group_of(member: str) -> str:
    """The group of a file: its name up to the first `__`. Groups must not be parted."""
    return Path(member).name.split("__")[0]


def load_archive(path: Path, resolution: int = ARCHIVE_RESOLUTION) -> Labelled:
    """All images of an archive, at `resolution`, in the order of their names."""
    with zipfile.ZipFile(path) as archive:
        members = sorted(n for n in archive.namelist() if n.lower().endswith(_IMAGES))
        pixels = np.stack([picture(archive.read(member), resolution) for member in members])
    classes = sorted({Path(member).parts[0] for member in members})
    labels = np.array([classes.index(Path(member).parts[0]) for member in members])
    return Labelled(pixels, labels, [group_of(member) for member in members])
