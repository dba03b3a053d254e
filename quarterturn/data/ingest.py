"""From a stream of files to a cache: decode, drop duplicates, sort by content, measure, split."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import statistics
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from quarterturn.data import pool
from quarterturn.data.batches import DecodedBatch, decode_batch, short_sides
from quarterturn.data.cache import FORMAT, CacheInfo, split_ranges, write_info
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.decode import DIGEST_BYTES, DecodeLimits
from quarterturn.data.members import Member, Skipped
from quarterturn.errors import InvalidInputError
from quarterturn.processes import WorkerDiedError
from quarterturn.storage import Storage
from quarterturn.storage.keys import DATASETS, dataset_key

_BATCH_FILES = 256
_BATCH_BYTES = 8 * 2**20
_AHEAD = 4  # batches in flight, which bounds the memory
_SIZED_FIRST = 64
_REORDER_IMAGES = 4096


@dataclass
class IngestReport:
    """What became of the files."""

    files: int = 0
    images: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)

    def skip(self, name: str, reason: str, message: str) -> None:
        entry = {"name": name, "reason": reason, "message": message}
        self.skipped.append({key: storable(text) for key, text in entry.items()})

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(item["reason"] for item in self.skipped).most_common())


def storable(text: str) -> str:
    """Text as PostgreSQL takes it: names in archives may be of any bytes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def automatic_resolution(sides: list[int]) -> int:
    """Working resolution for images with these shorter sides: the median, from 24 to 64 pixels."""
    median = int(statistics.median(sides)) if sides else 32
    return max(24, min(64, median // 4 * 4))


def _batches(members: Iterable[Member | Skipped], report: IngestReport) -> Iterator[list[Member]]:
    batch: list[Member] = []
    size = 0
    for member in members:
        report.files += 1
        if isinstance(member, Skipped):
            report.skip(member.name, member.reason, member.message)
            continue
        batch.append(member)
        size += member.size
        if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Writer:
    """Collects distinct images in the order they come, then writes them sorted by digest."""

    def __init__(self, folder: Path, resolution: int, report: IngestReport) -> None:
        self.folder, self.resolution, self.report = folder, resolution, report
        self.seen: dict[bytes, str] = {}
        self.unsorted = folder / "unsorted.bin"
        self.stream = self.unsorted.open("wb")

    def add(self, decoded: DecodedBatch) -> None:
        for item in decoded.skipped:
            self.report.skip(*item)
        size = self.resolution**2 * 3
        for at, name in enumerate(decoded.names):
            digest = decoded.digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            if digest in self.seen:
                self.report.skip(name, "duplicate", f"same picture as {self.seen[digest]}")
                continue
            self.seen[digest] = name
            self.stream.write(decoded.pixels[at * size : (at + 1) * size])

    def finish(self) -> CacheInfo:
        self.stream.close()
        count, side = len(self.seen), self.resolution
        rows = np.frombuffer(b"".join(self.seen), np.uint8).reshape(count, DIGEST_BYTES)
        order = np.lexsort(rows.T[::-1])
        source = np.memmap(self.unsorted, np.uint8, "r", shape=(count, side, side, 3))
        total, squares = np.zeros(3), np.zeros(3)
        with (self.folder / "images.bin").open("wb") as stream:
            for start in range(0, count, _REORDER_IMAGES):
                part = source[order[start : start + _REORDER_IMAGES]]
                stream.write(part.tobytes())
                # Over images first: that axis is long and contiguous, the channels are neither.
                flat = part.reshape(len(part), -1)
                total += flat.sum(0, dtype=np.uint64).reshape(-1, 3).sum(0)
                wide = np.square(flat, dtype=np.uint16)
                squares += wide.sum(0, dtype=np.uint64).reshape(-1, 3).sum(0)
        del source
        self.unsorted.unlink()
        names = list(self.seen.values())
        with (self.folder / "members.jsonl").open("w") as text:
            text.writelines(json.dumps(names[place]) + "\n" for place in order)
        pixels = count * side * side
        mean = total / pixels / 255.0
        variance = np.maximum(squares / pixels / 255.0**2 - mean**2, 1e-6)
        hasher = hashlib.sha256(f"{FORMAT}/{side}/".encode())
        hasher.update(rows[order].tobytes())
        info = CacheInfo(
            format=FORMAT,
            digest=hasher.hexdigest(),
            resolution=side,
            images=count,
            mean=[round(float(value), 6) for value in mean],
            std=[round(float(value), 6) for value in np.sqrt(variance)],
            splits=split_ranges(rows[order]),
        )
        write_info(self.folder, info)
        return info


def _decode_all(
    batches: Iterable[list[Member]],
    writer: _Writer,
    limits: DecodeLimits,
    caps: Caps,
    processes: int,
) -> None:
    waiting: deque[tuple[Future[DecodedBatch], list[Member]]] = deque()

    def drain() -> None:
        future, batch = waiting.popleft()
        decoded = pool.decoded(future, batch, writer.resolution, limits, processes)
        writer.add(decoded)
        caps.count(size=decoded.bytes_read, crashes=decoded.crashes)

    for batch in batches:
        future = pool.submit(processes, decode_batch, batch, writer.resolution, limits)
        waiting.append((future, batch))
        if len(waiting) >= _AHEAD:
            drain()
    while waiting:
        drain()


def _too_few(report: IngestReport, limits: IngestLimits) -> InvalidInputError:
    if report.files == 0:
        return InvalidInputError(
            "The archive is empty. Send a .zip, .tar or .tar.gz of images.", code="empty_archive"
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.reasons.items())
    return InvalidInputError(
        f"Only {report.images} usable images were found among {report.files} files "
        f"({reasons or 'none skipped'}); at least {limits.min_images} are needed to split "
        "them into pretraining, probe-training and probe-test images. Add images.",
        code="too_few_images" if report.images else "no_images",
        fields=[
            {"path": item["name"], "message": f"{item['reason']}: {item['message']}"}
            for item in report.skipped[:20]
        ],
    )


def _resolution_of(first: list[Member], limits: DecodeLimits, processes: int) -> int:
    try:
        sides = pool.submit(processes, short_sides, first[:_SIZED_FIRST], limits).result()
    except WorkerDiedError:
        sides = []
    return automatic_resolution(sides)


def ingest(
    members: Iterable[Member | Skipped],
    caps: Caps,
    storage: Storage,
    resolution: int | None = None,
    publish: Callable[[Path, CacheInfo, IngestReport], None] | None = None,
) -> tuple[CacheInfo, IngestReport]:
    """Build a cache and put it into the storage, by its digest.

    Args:
        caps: those that the reader of `members` counts on; their limits hold for images too.
        resolution: working resolution in pixels; by default that of `automatic_resolution`.
        publish: what to do with the finished folder; by default it is put into the storage.

    Raises:
        InvalidInputError: `empty_archive`, `no_images`, `too_few_images`; nothing is left behind.
        TooLargeError: `archive_too_large`, likewise.
    """
    asked = caps.limits
    limits = DecodeLimits(
        asked.max_image_pixels,
        asked.min_image_side,
        asked.max_member_bytes,
        asked.decode_seconds,
        asked.decode_memory_bytes,
    )
    report = IngestReport()
    batches = _batches(members, report)
    folder = storage.partial(DATASETS)
    folder.mkdir()
    try:
        first = next(batches, [])
        if resolution is None:
            resolution = _resolution_of(first, limits, asked.decode_processes)
        writer = _Writer(folder, resolution, report)
        try:
            everything = itertools.chain([first] if first else [], batches)
            _decode_all(everything, writer, limits, caps, asked.decode_processes)
        finally:
            writer.stream.close()
        report.images = len(writer.seen)
        if report.images < asked.min_images:
            raise _too_few(report, asked)
        info = writer.finish()
        if publish is None:
            storage.put(dataset_key(info.digest), folder)
        else:
            publish(folder, info, report)
        return info, report
    finally:
        shutil.rmtree(folder, ignore_errors=True)
