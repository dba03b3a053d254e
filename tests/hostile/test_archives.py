"""The corpus of archives: each is refused or its harmful file left out, at little cost."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.settings import Settings
from core.storage import storage_of
from quarterturn.data import ingest
from quarterturn.data.caps import Caps
from quarterturn.data.sources import archive_members
from quarterturn.errors import QuarterturnError
from tests.hostile import archives
from tests.hostile.archives import ARCHIVES, GOOD


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        min_images=GOOD - 2,
        max_members=archives.MAX_MEMBERS,
        max_member_bytes=archives.MAX_MEMBER_BYTES,
        max_archive_bytes=archives.MAX_ARCHIVE_BYTES,
        max_archive_ratio=archives.MAX_RATIO,
        decode_processes=1,
    )


def _everything_below(folder: Path) -> set[Path]:
    return {Path(parent, name) for parent, _, names in os.walk(folder) for name in names}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str, settings: Settings, tmp_path: Path) -> None:
    case = ARCHIVES[name]
    path = tmp_path / "upload"
    path.write_bytes(case.make())
    caps = Caps(settings.ingest_limits)
    began = time.process_time()  # of this process: others may have the machine
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused, reasons, images = None, set(), 0
    try:
        _, report = ingest(archive_members(path, caps), caps, storage_of(settings))
        reasons, images = set(report.reasons), report.images
    except QuarterturnError as error:
        refused = error.code
    assert refused == case.refused
    if case.skipped is not None:
        assert reasons == {case.skipped}
        assert images >= GOOD - 2, "the rest is used"
    assert time.process_time() - began < 20
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown < 100_000, f"{grown} KiB more memory"
    written = {p.relative_to(tmp_path).parts[0] for p in _everything_below(tmp_path)}
    assert written <= {"upload", "data"}
    assert list((settings.data_dir / "datasets").glob(".partial-*")) == []


def test_the_corpus_is_as_large_as_it_was(
    record_property: Callable[[str, object], None],
) -> None:
    print(f"{len(ARCHIVES)} hostile archives")  # noqa: T201 - the report
    record_property("hostile_archives", len(ARCHIVES))
    assert len(ARCHIVES) >= 47
    assert not Path("/tmp/escape.png").exists()
