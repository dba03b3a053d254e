"""From a stream of files to a cache: decode, drop duplicates, sort by content, measure, split."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain
from pathlib import Path

from quarterturn.data import pool
from quarterturn.data.asked import PictureOptions
from quarterturn.data.batches import DecodedBatch, decode_batch, short_sides
from quarterturn.data.cache import CacheInfo
from quarterturn.data.caps import Caps
from quarterturn.data.members import Member, Skipped
from quarterturn.data.notes import notes_of
from quarterturn.data.observed import Observed
from quarterturn.data.plan import DecodePlan, automatic_resolution, first_plan, settled_plan
from quarterturn.data.report import IngestReport, storable, too_few
from quarterturn.data.unusable import DecodeLimits
from quarterturn.data.writer import CacheWriter
from quarterturn.errors import InvalidInputError
from quarterturn.processes import WorkerDiedError
from quarterturn.storage import Storage
from quarterturn.storage.keys import DATASETS, dataset_key

__all__ = ["IngestReport", "automatic_resolution", "ingest", "storable"]

_BATCH_FILES = 256
_BATCH_BYTES = 8 * 2**20
_AHEAD = 4  # batches in flight, which bounds the memory
_SIZED_FIRST = 64

Files = Iterable[Member | Skipped]


def _batches(members: Files, report: IngestReport) -> Iterator[list[Member]]:
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


class _Pass:
    """One time through all files, by one plan."""

    def __init__(self, folder: Path, plan: DecodePlan, caps: Caps, limits: DecodeLimits) -> None:
        self.plan, self.caps, self.limits = plan, caps, limits
        self.report = IngestReport()
        self.writer = CacheWriter(folder, plan, self.report)
        self.observed = Observed()
        self.waiting = 0
        self._futures: deque[tuple[Future[DecodedBatch], list[Member]]] = deque()

    def _submit(self, batch: list[Member]) -> None:
        processes = self.caps.limits.decode_processes
        future = pool.submit(processes, decode_batch, batch, self.plan, self.limits)
        self._futures.append((future, batch))

    def _drain(self) -> None:
        future, batch = self._futures.popleft()
        processes = self.caps.limits.decode_processes
        decoded = pool.decoded(future, batch, self.plan, self.limits, processes)
        self.writer.add(decoded)
        self.observed.merge(decoded.observed)
        self.waiting += decoded.waiting
        self.caps.count(size=decoded.bytes_read, crashes=decoded.crashes)
        self.caps.spend(decoded.seconds)
        if decoded.rest:
            self._submit(decoded.rest)

    def run(self, batches: Iterable[list[Member]]) -> None:
        """Decode batches, a few ahead of what is taken."""
        try:
            for batch in batches:
                self._submit(batch)
                while len(self._futures) >= _AHEAD:
                    self._drain()
            while self._futures:
                self._drain()
        finally:
            self.writer.stream.close()
        self.report.images = len(self.writer.seen)


def _first_resolution(first: list[Member], limits: DecodeLimits, processes: int) -> int:
    """That of a few files, which is right where all are of one size."""
    try:
        sides = pool.submit(processes, short_sides, first[:_SIZED_FIRST], limits).result()
    except WorkerDiedError:
        sides = []
    return automatic_resolution(sides)


def _decode_all(
    members: Files, folder: Path, caps: Caps, resolution: int | None, asked: PictureOptions
) -> _Pass:
    """Decode all files, and once more if what was seen of all of them asks for another plan: a
    range for samples of more than 8 bits, or another resolution.
    """
    limits = _decode_limits(caps)
    report = IngestReport()
    batches = _batches(members, report)
    first = next(batches, [])
    guess = resolution or _first_resolution(first, limits, caps.limits.decode_processes)
    run = _Pass(folder, first_plan(asked, guess), caps, limits)
    run.report.files, run.report.skipped = 0, report.skipped
    run.run(chain([first] if first else [], batches))
    run.report.files = report.files
    plan = settled_plan(run.plan, asked, resolution, run.observed)
    enough = run.report.images + run.waiting >= caps.limits.min_images
    if plan == run.plan or not (enough or run.waiting):
        return run
    if isinstance(members, Iterator):
        return _gone_through(run, plan)
    caps.restart()
    again = _Pass(folder, plan, caps, limits)
    again.run(_batches(members, again.report))
    return again


def _gone_through(run: _Pass, plan: DecodePlan) -> _Pass:
    """What images that come only once can be: as the first few were, if no range is needed.

    Raises:
        InvalidInputError: `intensity_range_needed`.
    """
    if plan.pictures != run.plan.pictures:
        raise InvalidInputError(
            "The intensity range is found over all images, and these can be gone through only "
            "once. Give a list or a dataset instead of an iterator, or a window such as 0:4095.",
            code="intensity_range_needed",
        )
    return run


def _decode_limits(caps: Caps) -> DecodeLimits:
    asked = caps.limits
    return DecodeLimits(
        asked.max_image_pixels,
        asked.min_image_side,
        asked.max_member_bytes,
        asked.decode_seconds,
        asked.decode_memory_bytes,
        asked.prefix,
    )


def ingest(
    members: Files,
    caps: Caps,
    storage: Storage,
    resolution: int | None = None,
    publish: Callable[[Path, CacheInfo, IngestReport], None] | None = None,
    asked: PictureOptions | None = None,
) -> tuple[CacheInfo, IngestReport]:
    """Build a cache and put it into the storage, by its digest.

    Args:
        members: files, gone through twice where need be.
        caps: those that the reader of `members` counts on; their limits hold for images too.
        resolution: working resolution in pixels; by default that of `automatic_resolution`.
        publish: what to do with the finished folder; by default it is put into the storage.
        asked: window, bands and fit.

    Raises:
        InvalidInputError: `empty_archive`, `no_images`, `too_few_images`; nothing is left behind.
        TooLargeError: `archive_too_large`, likewise.
    """
    folder = storage.partial(DATASETS)
    folder.mkdir()
    try:
        done = _decode_all(members, folder, caps, resolution, asked or PictureOptions())
        report, observed = done.report, done.observed
        if report.images < caps.limits.min_images:
            raise too_few(report, caps.limits)
        info = done.writer.finish(grey=not observed.colored)
        report.notes = notes_of(observed, done.plan, done.writer.near_copies)
        if publish is None:
            storage.put(dataset_key(info.digest), folder)
        else:
            publish(folder, info, report)
        return info, report
    finally:
        shutil.rmtree(folder, ignore_errors=True)
