"""The decoded dataset on disk: one memory-mapped file, shared by all workers of a machine.

Images are sorted by content digest, so the bytes do not depend on the order of the upload. The
digest is uniform, hence the split by digest is three consecutive ranges, stable when images are
added: pretraining, probe training, probe test.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

FORMAT = 1
#: Upper ends of the first two ranges, as fractions of the digest's range.
SPLIT_ENDS = (0.70, 0.88)


@dataclass(frozen=True)
class CacheInfo:
    """What `dataset.json` holds. `splits` are [start, end) of the three ranges."""

    format: int
    digest: str
    resolution: int
    images: int
    mean: list[float]
    std: list[float]
    splits: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class DatasetCache:
    """An open cache; `images` is uint8 (n, s, s, 3), memory-mapped, read-only."""

    info: CacheInfo
    images: np.ndarray

    def split(self, name: str) -> np.ndarray:
        """The images of `pretrain`, `probe_train` or `probe_test`."""
        start, end = self.info.splits[name]
        return self.images[start:end]


def split_ranges(sorted_digests: np.ndarray) -> dict[str, tuple[int, int]]:
    """The three ranges of images; `sorted_digests` is uint8 (n, d), rows in ascending order."""
    leading = sorted_digests[:, :8].copy().view(">u8").ravel()
    first, second = (
        int(np.searchsorted(leading, np.uint64(int(end * 2**64)))) for end in SPLIT_ENDS
    )
    return {
        "pretrain": (0, first),
        "probe_train": (first, second),
        "probe_test": (second, len(leading)),
    }


def write_info(folder: Path, info: CacheInfo) -> None:
    """Write `dataset.json`."""
    (folder / "dataset.json").write_text(json.dumps(asdict(info), indent=1))


def open_cache(folder: Path) -> DatasetCache:
    """Open the cache in `folder`.

    Raises:
        FileNotFoundError: there is none.
    """
    raw = json.loads((folder / "dataset.json").read_text())
    raw["splits"] = {name: tuple(ends) for name, ends in raw["splits"].items()}
    info = CacheInfo(**raw)
    shape = (info.images, info.resolution, info.resolution, 3)
    images = np.memmap(folder / "images.bin", dtype=np.uint8, mode="r", shape=shape)
    return DatasetCache(info, images)
