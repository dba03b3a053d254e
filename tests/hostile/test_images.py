"""The corpus of images, decoded where uploads are: in child processes with limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.settings import Settings
from core.storage import storage_of
from quarterturn.data import ingest, pool
from quarterturn.data.batches import DecodedBatch, decode_batch
from quarterturn.data.caps import MOST_CRASHES, Caps
from quarterturn.data.decode import DecodeLimits
from quarterturn.data.members import Member
from quarterturn.data.plan import DecodePlan
from quarterturn.errors import InvalidInputError
from tests.hostile.images import IMAGES, MAX_PIXELS, WAITS, blank_png, file_of, picture

LIMITS = DecodeLimits(MAX_PIXELS, min_side=8, max_seconds=5.0, max_memory=2**30)
GOOD = Member("good.png", file_of(picture(seed=9), "PNG"))
#: 36 million pixels in 140 kB: too much for a small limit on time or memory.
LARGE = Member("large.png", blank_png(6_000))


@pytest.fixture(scope="module", autouse=True)
def _own_processes() -> Iterator[None]:
    pool.shutdown()
    yield
    pool.shutdown()


def _decoded(limits: DecodeLimits, *members: Member) -> DecodedBatch:
    batch = list(members)
    future = pool.submit(1, decode_batch, batch, DecodePlan(32), limits)
    return pool.decoded(future, batch, DecodePlan(32), limits, 1)


def test_every_image_is_left_out_or_used_and_none_does_harm() -> None:
    members = [Member(name, make()) for name, (make, _) in IMAGES.items()]
    decoded = _decoded(LIMITS, *members, GOOD)
    assert decoded.crashes == 0
    assert "good.png" in decoded.names
    reasons = {name: reason for name, reason, _ in decoded.skipped}
    waiting = [name for name, (_, reason) in IMAGES.items() if reason == WAITS]
    assert decoded.waiting >= len(waiting), "they are used once a range is known"
    reasons |= dict.fromkeys(waiting, WAITS)
    assert len(reasons) + len(decoded.names) >= len(IMAGES) + 1
    found = {
        name: reasons.get(name)
        for name, (_, expected) in IMAGES.items()
        if expected != "any"  # bytes that were changed may or may not matter
    }
    assert found == {name: reason for name, (_, reason) in IMAGES.items() if name in found}


def test_the_corpus_is_as_large_as_it_was(record_property: Callable[[str, object], None]) -> None:
    print(f"{len(IMAGES)} hostile images")  # noqa: T201 - the report
    record_property("hostile_images", len(IMAGES))
    assert len(IMAGES) >= 88
    assert not Path("/tmp/escape.png").exists()


def test_a_decoder_that_takes_too_long_is_ended() -> None:
    limits = replace(LIMITS, max_pixels=50_000_000, max_seconds=0.05)
    decoded = _decoded(limits, LARGE, GOOD)
    assert decoded.names == ["good.png"], "the rest of the batch is used"
    ((name, reason, message),) = decoded.skipped
    assert (name, reason, decoded.crashes) == ("large.png", "damaged", 1)
    assert "0.05 s of CPU" in message
    assert _decoded(replace(limits, max_seconds=20.0), LARGE).names == ["large.png"]


def test_a_decoder_that_takes_too_much_memory_is_refused_it() -> None:
    limits = replace(LIMITS, max_pixels=50_000_000, max_seconds=30.0)
    decoded = _decoded(replace(limits, max_memory=500 * 2**20), LARGE, GOOD)
    assert [reason for _, reason, _ in decoded.skipped] == ["too_much_memory"]
    assert decoded.names == ["good.png"]
    pool.shutdown()  # a limit is never raised again
    assert _decoded(replace(limits, max_memory=2 * 2**30), LARGE).names == ["large.png"]
    pool.shutdown()


def test_the_default_memory_is_enough_for_the_largest_image_allowed() -> None:
    settings = Settings()
    side = int(settings.max_image_pixels**0.5)
    limits = DecodeLimits(
        settings.max_image_pixels, 8, settings.max_member_bytes, 60.0, settings.decode_memory_bytes
    )
    assert _decoded(limits, Member("largest.png", blank_png(side))).names == ["largest.png"]


def test_an_archive_of_files_that_crash_the_decoder_is_refused(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, decode_seconds=0.01, decode_processes=1, min_images=1)
    side = 3_000
    members = [Member(f"{n}.png", blank_png(side + n)) for n in range(MOST_CRASHES + 5)]
    with pytest.raises(InvalidInputError) as caught:
        ingest([GOOD, *members], Caps(settings.ingest_limits), storage_of(settings), 32)
    assert caught.value.code == "harmful_files"
    assert list((settings.data_dir / "datasets").iterdir()) == []
