"""The files given as examples of what people have: each as its expectation, or refused."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from core.settings import Settings
from core.storage import storage_of
from quarterturn.data import CacheInfo, IngestReport, ingest, open_cache
from quarterturn.data.caps import Caps
from quarterturn.data.sources import archive_members
from tests.data.drawn import distance, shown

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "cases" / "pictures"
SEVERAL = {"tiff_multipage.tif": 10, "volume.nii.gz": 8}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the examples are not beside this checkout: {FOLDER}"
)


def _names() -> list[str]:
    index = FOLDER / "index.json"
    return sorted(json.loads(index.read_text())) if index.is_file() else []


@pytest.mark.parametrize("name", _names())
def test_each_file_is_shown_as_its_users_expect(name: str) -> None:
    pictures = shown((FOLDER / name).read_bytes())
    assert len(pictures) >= SEVERAL.get(name, 1)
    expected = FOLDER / "expected" / f"{name}.npy"
    if expected.is_file():
        assert distance(pictures[0], np.load(expected)) < 3


def _ingest(name: str, tmp_path: Path) -> tuple[CacheInfo, IngestReport, np.ndarray]:
    settings = Settings(data_dir=tmp_path)
    caps = Caps(settings.ingest_limits)
    members = archive_members(FOLDER / name, caps)
    info, report = ingest(members, caps, storage_of(settings))
    return info, report, np.array(open_cache(tmp_path / "datasets" / info.digest).images)


def test_a_set_of_12_bits_has_one_range(tmp_path: Path) -> None:
    info, report, images = _ingest("set_12bit.zip", tmp_path)
    assert info.pictures.intensity is not None
    assert (info.pictures.intensity.low, info.pictures.intensity.high) == (0, 4095)
    assert info.images == 101
    assert 10 < images.mean() < 245
    assert [note.code for note in report.notes if note.code == "intensity"] == ["intensity"]


def test_eight_bits_saved_as_sixteen_are_no_duplicates(tmp_path: Path) -> None:
    info, report, _ = _ingest("set_eight_bits_in_16.zip", tmp_path)
    assert info.images == 101
    assert "duplicate" not in report.reasons


def test_the_resolution_is_that_of_all_files(tmp_path: Path) -> None:
    info, report, _ = _ingest("set_mixed_sizes.zip", tmp_path)
    assert info.resolution == 64
    assert "sizes" in [note.code for note in report.notes]


def test_pictures_of_a_later_upload_are_used(tmp_path: Path) -> None:
    with zipfile.ZipFile(FOLDER / "set_report_second.zip") as archive:
        added = [name for name in archive.namelist() if name.endswith(".heic")]
    _, report, _ = _ingest("set_report_second.zip", tmp_path)
    named = {item["name"] for item in report.skipped}
    assert named <= {*added, "broken.jpg", "notes.txt"}
