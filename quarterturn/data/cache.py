"""The decoded dataset on disk: one memory-mapped file, shared by all workers of a machine.

Images are sorted by content digest, so the bytes do not depend on the order of the upload. The
digest is uniform, hence the split by digest is consecutive ranges, stable when images are added.
Selection looks at `probe_test`, what is reported of the selected policy is measured on `report`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from quarterturn.policy.pictures import Pictures

FORMAT = 2
#: Upper ends of the ranges, as fractions of the digest's range.
SPLIT_ENDS = {"pretrain": 0.70, "probe_train": 0.84, "probe_test": 0.93, "report": 1.0}


@dataclass(frozen=True)
class CacheInfo:
    """What `dataset.json` holds. `splits` are [start, end) of the ranges; `pictures` is how files
    were decoded; `grey` is set where no image has colors; `checksum` is that of `images.bin`, which
    caches of earlier releases lack.
    """

    format: int
    digest: str
    resolution: int
    images: int
    mean: list[float]
    std: list[float]
    splits: dict[str, tuple[int, int]]
    pictures: Pictures = field(default_factory=Pictures)
    grey: bool = False
    checksum: str = ""


@dataclass(frozen=True)
class DatasetCache:
    """An open cache; `images` is uint8 (n, s, s, 3), memory-mapped, read-only."""

    info: CacheInfo
    images: np.ndarray

    def split(self, name: str) -> np.ndarray:
        """The images of `pretrain`, `probe_train`, `probe_test` or `report`."""
        start, end = self.info.splits[name]
        return self.images[start:end]


def split_ranges(sorted_digests: np.ndarray) -> dict[str, tuple[int, int]]:
    """The ranges of images; `sorted_digests` is uint8 (n, d), rows in ascending order."""
    leading = sorted_digests[:, :8].copy().view(">u8").ravel()
    ranges: dict[str, tuple[int, int]] = {}
    start = 0
    for name, end in SPLIT_ENDS.items():
        stop = len(leading)
        if end < 1.0:
            stop = int(np.searchsorted(leading, np.uint64(int(end * 2**64))))
        ranges[name] = (start, stop)
        start = stop
    return ranges


def write_info(folder: Path, info: CacheInfo) -> None:
    """Write `dataset.json`; what is at its default is left out, as it was before it was known."""
    document = asdict(info)
    document["pictures"] = info.pictures.model_dump(mode="json", exclude_defaults=True)
    for name in ("pictures", "grey", "checksum"):
        if not document[name]:
            del document[name]
    (folder / "dataset.json").write_text(json.dumps(document, indent=1))


def new_checksum() -> hashlib.blake2b:
    """Of the bytes of `images.bin`."""
    return hashlib.blake2b(digest_size=16)


def is_whole(folder: Path, cache: DatasetCache) -> bool:
    """Whether the images are those that were written; reads all of them, a gigabyte a second."""
    if not cache.info.checksum:
        return True
    found = new_checksum()
    with (folder / "images.bin").open("rb") as stream:
        while part := stream.read(1 << 22):
            found.update(part)
    return found.hexdigest() == cache.info.checksum


def open_cache(folder: Path) -> DatasetCache:
    """Open the cache in `folder`.

    Raises:
        FileNotFoundError: there is none.
    """
    raw = json.loads((folder / "dataset.json").read_text())
    raw["splits"] = {name: tuple(ends) for name, ends in raw["splits"].items()}
    raw["pictures"] = Pictures.model_validate(raw.get("pictures", {}))
    if raw["format"] == 1:  # had no images to report on: the later half of probe_test serves
        start, stop = raw["splits"]["probe_test"]
        middle = (start + stop) // 2
        raw["splits"] |= {"probe_test": (start, middle), "report": (middle, stop)}
    info = CacheInfo(**raw)
    shape = (info.images, info.resolution, info.resolution, 3)
    images = np.memmap(folder / "images.bin", dtype=np.uint8, mode="r", shape=shape)
    return DatasetCache(info, images)
