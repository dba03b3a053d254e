"""Cheap facts of the sets, which a decision may look at beside the criteria; no label is read but
for the number of classes.

`python -m benchmarks.experiments.table.facts` writes `quarterturn/table/data/sets.csv`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import RESOLUTION
from benchmarks.experiments.correlation.collect import load_split
from benchmarks.experiments.table.collect import IMAGES
from benchmarks.experiments.table.plan import SETS
from quarterturn.table.facts import FACTS, Facts
from quarterturn.table.rows import round_number


def _ring(luminance: np.ndarray) -> np.ndarray:
    """(n, 4 s - 4) outermost pixels of (n, s, s) images."""
    inner = np.zeros(luminance.shape[1:], dtype=bool)
    inner[1:-1, 1:-1] = True
    return luminance[:, ~inner]


def measure_facts(name: str, parts: Split, resolution: int) -> Facts:
    """From the pretraining images, but for the counts."""
    pixels = parts.images["pretrain"].astype(np.float32) / 255.0
    spread = pixels.max(3) - pixels.min(3)
    luminance = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return Facts(
        set=name,
        images=sum(len(images) for images in parts.images.values()),
        classes=len(np.unique(np.concatenate(list(parts.labels.values())))),
        pretraining_images=len(pixels),
        resolution=resolution,
        chroma=round_number(float(spread.mean())),
        # JPEG gives gray images a trace of color.
        gray=round_number(float((spread.max((1, 2)) < 0.05).mean())),
        contrast=round_number(float(luminance.std((1, 2)).mean())),
        border=round_number(float(_ring(luminance).std(1).mean())),
    )


def write_facts(path: Path, facts: list[Facts]) -> None:
    """As CSV, in the order of the names."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [field.name for field in fields(Facts)], lineterminator="\n")
    writer.writeheader()
    writer.writerows([asdict(one) for one in sorted(facts, key=lambda one: one.set)])
    path.write_text(stream.getvalue())


if __name__ == "__main__":
    write_facts(
        FACTS,
        [measure_facts(name, load_split(name, IMAGES), RESOLUTION[name]) for name in SETS],
    )
