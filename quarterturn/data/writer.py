"""Writes the distinct images of a set, sorted by content, with what is measured of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from quarterturn.data.batches import DecodedBatch
from quarterturn.data.cache import FORMAT, CacheInfo, new_checksum, split_ranges, write_info
from quarterturn.data.decode import DIGEST_BYTES
from quarterturn.data.near_copies import group_near_copies
from quarterturn.data.plan import DecodePlan
from quarterturn.data.report import IngestReport

_REORDER_IMAGES = 4096
_SUMMED_IMAGES = 128  # at a time: they stay in the processor's cache


class CacheWriter:
    """Collects distinct images in the order they come, then writes them sorted by digest."""

    def __init__(self, folder: Path, plan: DecodePlan, report: IngestReport) -> None:
        self.folder, self.plan, self.report = folder, plan, report
        self.seen: dict[bytes, str] = {}
        #: Images of which another one is a near copy; known once it is finished.
        self.near_copies = 0
        self.unsorted = folder / "unsorted.bin"
        self.stream = self.unsorted.open("wb")

    def add(self, decoded: DecodedBatch) -> None:
        """Take the images of a batch, and report those that are left out."""
        for item in decoded.skipped:
            self.report.skip(*item)
        size = self.plan.resolution**2 * 3
        pixels = memoryview(decoded.pixels)
        fresh = []
        for at, name in enumerate(decoded.names):
            digest = decoded.digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            if digest in self.seen:
                self.report.skip(name, "duplicate", f"same picture as {self.seen[digest]}")
                continue
            self.seen[digest] = name
            fresh.append(pixels[at * size : (at + 1) * size])
        self.stream.write(b"".join(fresh))

    def _sort(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
        """Write the images in an order; returns the sums of values and of squares, per channel, and
        the checksum of what was written.
        """
        count, side = len(self.seen), self.plan.resolution
        source = np.memmap(self.unsorted, np.uint8, "r", shape=(count, side, side, 3))
        total, squares = np.zeros(3), np.zeros(3)
        checksum = new_checksum()
        with (self.folder / "images.bin").open("wb") as stream:
            for start in range(0, count, _REORDER_IMAGES):
                part = source[order[start : start + _REORDER_IMAGES]]
                stream.write(part.data)
                checksum.update(part.data)
                # Over images first: that axis is long and contiguous, the channels are neither.
                flat = part.reshape(len(part), -1)
                for at in range(0, len(flat), _SUMMED_IMAGES):
                    values = flat[at : at + _SUMMED_IMAGES]
                    wide = np.square(values, dtype=np.uint16)
                    total += values.sum(0, dtype=np.uint32).reshape(-1, 3).sum(0)
                    squares += wide.sum(0, dtype=np.uint32).reshape(-1, 3).sum(0, dtype=np.uint64)
        return total, squares, checksum.hexdigest()

    def finish(self, *, grey: bool) -> CacheInfo:
        """Write the cache."""
        self.stream.close()
        count, side = len(self.seen), self.plan.resolution
        rows = np.frombuffer(b"".join(self.seen), np.uint8).reshape(count, DIGEST_BYTES)
        leaders = self._leaders(rows)
        order = np.lexsort((*rows.T[::-1], *leaders.T[::-1]))
        total, squares, checksum = self._sort(order)
        self.unsorted.unlink()
        names = list(self.seen.values())
        with (self.folder / "members.jsonl").open("w") as text:
            text.writelines(json.dumps(names[place]) + "\n" for place in order)
        pixels = count * side * side
        mean = total / pixels / 255.0
        variance = np.maximum(squares / pixels / 255.0**2 - mean**2, 1e-6)
        hasher = hashlib.sha256(f"{FORMAT}/{side}/{self._treatment()}".encode())
        hasher.update(rows[order].tobytes())
        info = CacheInfo(
            format=FORMAT,
            digest=hasher.hexdigest(),
            resolution=side,
            images=count,
            mean=[round(float(value), 6) for value in mean],
            std=[round(float(value), 6) for value in np.sqrt(variance)],
            splits=split_ranges(leaders[order]),
            pictures=self.plan.pictures,
            grey=grey,
            checksum=checksum,
        )
        write_info(self.folder, info)
        return info

    def _leaders(self, rows: np.ndarray) -> np.ndarray:
        """For each image the digest by which it is split: its own, or one of all its near copies.

        That is made from the lowest of theirs, and not the lowest itself: the more copies, the
        lower that is, and all would be pretrained on.
        """
        count, side = len(rows), self.plan.resolution
        source = np.memmap(self.unsorted, np.uint8, "r", shape=(count, side, side, 3))
        by_digest = np.lexsort(rows.T[::-1])
        # Numbered by digest, so that groups do not depend on the order of files.
        groups = group_near_copies(source, by_digest)
        shared = np.flatnonzero(np.bincount(groups, minlength=count)[groups] > 1)
        self.near_copies = len(shared)
        leaders = rows.copy()
        for place in shared:
            lowest = rows[groups[place]].tobytes()
            drawn = hashlib.blake2b(lowest, digest_size=DIGEST_BYTES).digest()
            leaders[place] = np.frombuffer(drawn, np.uint8)
        return leaders

    def _treatment(self) -> str:
        """What was made of the samples; nothing for plain decoding, as ever."""
        pictures = self.plan.pictures
        if pictures.is_default:
            return ""
        document = pictures.model_dump(mode="json", exclude_none=True)
        if pictures.intensity is not None:
            document["intensity"].pop("source")
        return json.dumps(document, sort_keys=True)
