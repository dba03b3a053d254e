"""Cheap facts of the image sets of the table."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

FACTS = Path(__file__).parent / "data" / "sets.csv"


@dataclass(frozen=True)
class Facts:
    """One set.

    Attributes:
        images, classes: of all parts; pretraining_images: of the first part.
        resolution: pixels of a side.
        chroma: mean over pixels of the largest channel minus the smallest, 0 to 1.
        gray: share of images without any color.
        contrast: mean over images of the standard deviation of luminance, 0 to 1.
        border: the same of the outermost ring of pixels alone; 0 where the ground is plain.
    """

    set: str
    images: int
    classes: int
    pretraining_images: int
    resolution: int
    chroma: float
    gray: float
    contrast: float
    border: float


def load_facts(path: Path | None = None) -> dict[str, Facts]:
    """The facts of all sets by their names."""
    records = csv.DictReader(io.StringIO((path or FACTS).read_text()))
    kinds = {"set": str, "chroma": float, "gray": float, "contrast": float, "border": float}
    rows = [Facts(**{k: kinds.get(k, int)(v) for k, v in record.items()}) for record in records]
    return {row.set: row for row in rows}
