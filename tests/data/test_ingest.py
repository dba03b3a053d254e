"""From archives to caches: deterministic, without duplicates, split by content."""

from __future__ import annotations

import io
import random
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import catalog
from core.settings import Settings
from core.storage import storage_of
from core.store.database import session_scope
from core.store.files import lock_digest
from core.store.tables import Dataset
from core.store.transitions import transition
from quarterturn.data import CacheInfo, DatasetCache, IngestReport, open_cache
from quarterturn.data import ingest as ingest_members
from quarterturn.data.cache import SPLIT_ENDS
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.ingest import automatic_resolution
from quarterturn.data.members import Member, Skipped
from quarterturn.data.sources import archive_members
from quarterturn.errors import InvalidInputError, TooLargeError


def _members(count: int, side: int = 24) -> list[Member | Skipped]:
    members: list[Member | Skipped] = []
    for index in range(count):
        pixels = np.random.default_rng(index).integers(0, 256, (side, side, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "BMP")
        members.append(Member(f"class{index % 3}/{index}.bmp", buffer.getvalue()))
    return members


def ingest(
    members: list[Member | Skipped], settings: Settings, resolution: int | None = None
) -> tuple[CacheInfo, IngestReport]:
    return ingest_members(members, Caps(settings.ingest_limits), storage_of(settings), resolution)


def _ingest_archive(path: Path, settings: Settings) -> tuple[CacheInfo, IngestReport]:
    caps = Caps(settings.ingest_limits)
    return ingest_members(archive_members(path, caps), caps, storage_of(settings))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def test_the_cache_does_not_depend_on_order_names_or_container(
    settings: Settings, tmp_path: Path
) -> None:
    members = _members(150)
    shuffled = [Member(f"x{i}", m.data) for i, m in enumerate(members) if isinstance(m, Member)]
    random.Random(3).shuffle(shuffled)
    first, _ = ingest(members, settings)
    content = (settings.data_dir / "datasets" / first.digest / "images.bin").read_bytes()
    other = Settings(data_dir=tmp_path / "other")
    second, _ = ingest(shuffled, other)
    assert second == first
    assert (other.data_dir / "datasets" / second.digest / "images.bin").read_bytes() == content
    third, _ = ingest(members, settings, resolution=32)
    assert third.digest != first.digest


def test_duplicates_are_dropped_and_reported(settings: Settings) -> None:
    members = _members(120)
    assert isinstance(members[5], Member)
    info, report = ingest([*members, Member("again.bmp", members[5].data)], settings)
    assert info.images == 120
    assert report.skipped == [
        {"name": "again.bmp", "reason": "duplicate", "message": "same picture as class2/5.bmp"}
    ]


def test_splits_never_overlap_and_survive_additions(settings: Settings, tmp_path: Path) -> None:
    members = _members(300)

    def contents(info: CacheInfo, base: Settings) -> dict[str, set[bytes]]:
        cache = open_cache(base.data_dir / "datasets" / info.digest)
        return {name: {image.tobytes() for image in cache.split(name)} for name in info.splits}

    small = contents(ingest(members[:200], settings)[0], settings)
    large = contents(ingest(members, settings)[0], settings)
    for name, images in small.items():
        assert images <= large[name], "an added image moves no other to another split"
    assert sum(map(len, large.values())) == 300 == len(set.union(*large.values()))
    assert abs(len(large["pretrain"]) / 300 - SPLIT_ENDS["pretrain"]) < 0.1


def test_mean_and_deviation(animal_cache: DatasetCache) -> None:
    pixels = animal_cache.images.reshape(-1, 3) / 255.0
    assert np.allclose(animal_cache.info.mean, pixels.mean(0), atol=1e-5)
    assert np.allclose(animal_cache.info.std, pixels.std(0), atol=1e-5)


def test_refused_input_leaves_nothing_behind(settings: Settings) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ingest(_members(99), settings)
    assert caught.value.code == "too_few_images"
    assert "99 usable" in caught.value.message
    assert list((settings.data_dir / "datasets").iterdir()) == []


def test_the_report_names_every_skipped_file(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mixed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member in _members(110):
            assert isinstance(member, Member)
            assert isinstance(member.data, bytes)
            archive.writestr(member.name, member.data)
        archive.writestr("notes.txt", "hello")
        archive.writestr("__MACOSX/._0.png", "noise of a file manager")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    _, report = _ingest_archive(path, settings)
    assert {(item["name"], item["reason"]) for item in report.skipped} == {
        ("notes.txt", "not_an_image"),
        ("link.png", "not_a_file"),
    }
    assert (report.files, report.images) == (112, 110)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar_archives(settings: Settings, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "images.tar"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in _members(105):
            assert isinstance(member, Member)
            assert isinstance(member.data, bytes)
            info = tarfile.TarInfo(f"../../{member.name}")
            info.size = len(member.data)
            archive.addfile(info, io.BytesIO(member.data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    info, report = _ingest_archive(path, settings)
    assert info.images == 105
    assert [item["reason"] for item in report.skipped] == ["not_a_file"]


def test_caps_count_real_bytes(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, max_archive_bytes=100_000, max_member_bytes=10_000)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(20):
            archive.writestr(f"{index}.png", b"\0" * 9_000)
    with pytest.raises(TooLargeError):
        _ingest_archive(path, settings)
    assert list((settings.data_dir / "datasets").iterdir()) == []


def test_the_cpu_time_of_an_upload_is_bounded(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, max_cpu_seconds=1e-9)
    with pytest.raises(TooLargeError, match="QUARTERTURN_MAX_CPU_SECONDS"):
        ingest(_members(120), settings)
    caps = Caps(IngestLimits(max_cpu_seconds=3.0))
    caps.spend(2.0)
    caps.restart()
    with pytest.raises(TooLargeError, match="Split"):
        caps.spend(2.0)


def test_one_huge_file_is_skipped(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, max_member_bytes=10_000, min_images=3)
    path = tmp_path / "huge.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("huge.png", b"\0" * 50_000)
        for member in _members(3):
            assert isinstance(member, Member)
            assert isinstance(member.data, bytes)
            archive.writestr(member.name, member.data)
    _, report = _ingest_archive(path, settings)
    assert [item["reason"] for item in report.skipped] == ["file_too_large"]


def test_a_deletion_waits_for_an_upload_of_the_same_images(
    database: Settings, tmp_path: Path
) -> None:
    """The deletion begins while the second upload is putting the images in place."""
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member in _members(105):
            assert isinstance(member, Member)
            assert isinstance(member.data, bytes)
            archive.writestr(member.name, member.data)
    first, _ = catalog.create_dataset(path, "first", None, database)
    with session_scope() as session:
        transition(session, Dataset, "deleting", Dataset.id == first.id)
        lock_digest(session, first.digest)  # as the upload does
        deletion = threading.Thread(target=catalog.finish_deletions, args=(database,))
    deletion.start()
    second, new = catalog.create_dataset(path, "second", None, database)
    deletion.join()
    catalog.finish_deletions(database)
    assert new
    assert second.state == "ready"
    folder = database.data_dir / "datasets" / second.digest
    assert (folder / "dataset.json").exists()


def test_resolution_follows_the_images() -> None:
    assert automatic_resolution([28] * 5) == 28
    assert automatic_resolution([33]) == 32
    assert automatic_resolution([500, 600]) == 64
    assert automatic_resolution([9]) == 24
