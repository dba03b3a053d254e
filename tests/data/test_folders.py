"""Folders as they are: read in place, links followed, leftovers left out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.settings import Settings
from core.storage import storage_of
from quarterturn.data import CacheInfo, IngestReport, ingest
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.members import FileEntry, Member, Skipped
from quarterturn.data.sources import folder_members
from quarterturn.errors import InvalidInputError


def _fill(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


def _ingest(folder: Path, data: Path, **limits: int) -> tuple[CacheInfo, IngestReport]:
    settings = Settings(data_dir=data, **limits)  # type: ignore[arg-type]
    caps = Caps(settings.ingest_limits)
    return ingest(folder_members(folder, caps), caps, storage_of(settings))


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "set", tmp_path / "elsewhere"
    _fill(folder / "a", 60)
    _fill(elsewhere, 50, first=100)
    (folder / "linked").symlink_to(elsewhere)
    (folder / "one.png").symlink_to(tmp_path / "single.png")
    _fill(tmp_path, 1, first=500)
    (tmp_path / "500.png").rename(tmp_path / "single.png")
    info, report = _ingest(folder, tmp_path / "data")
    assert (info.images, report.skipped) == (111, [])


def test_a_folder_that_is_a_link(tmp_path: Path) -> None:
    _fill(tmp_path / "real", 105)
    (tmp_path / "set").symlink_to(tmp_path / "real")
    assert _ingest(tmp_path / "set", tmp_path / "data")[0].images == 105


def test_cycles_and_dead_links_are_lines_of_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    _fill(folder / "a", 105)
    (folder / "a" / "up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "dead.png").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.png")
    info, report = _ingest(folder, tmp_path / "data")
    assert info.images == 105
    messages = {item["name"]: item["message"] for item in report.skipped}
    assert "read already" in messages["a/up/"]
    assert messages["dead.png"] == "a link to nothing"
    assert "pipe" in messages["pipe.png"]
    assert "self" in messages


def test_many_links_to_one_another_cost_nothing(tmp_path: Path) -> None:
    previous = tmp_path / "set"
    _fill(previous, 105)
    for level in range(30):
        inner = tmp_path / f"level{level}"
        inner.mkdir()
        for name in ("left", "right"):
            (previous / name).symlink_to(inner)
        previous = inner
    assert _ingest(tmp_path / "set", tmp_path / "data")[0].images == 105


def test_hidden_files_and_leftovers_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    _fill(folder, 105)
    for name in ("@eaDir", "__MACOSX", ".ipynb_checkpoints", ".git", "a/.hidden"):
        _fill(folder / name, 2, first=900)
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    info, report = _ingest(folder, tmp_path / "data")
    assert (info.images, report.files, report.skipped) == (105, 105, [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_line_of_the_report(tmp_path: Path) -> None:
    _fill(tmp_path / "set", 106)
    (tmp_path / "set" / "5.png").chmod(0)
    _, report = _ingest(tmp_path / "set", tmp_path / "data")
    assert report.reasons == {"unreadable": 1}


def test_a_file_that_is_gone_is_a_line_of_the_report(tmp_path: Path) -> None:
    _fill(tmp_path / "set", 106)
    settings = Settings(data_dir=tmp_path / "data")
    caps = Caps(settings.ingest_limits)
    members: list[Member | Skipped] = list(folder_members(tmp_path / "set", caps))
    (tmp_path / "set" / "5.png").unlink()
    _, report = ingest(members, caps, storage_of(settings))
    assert report.reasons == {"unreadable": 1}
    assert "No such file" in report.skipped[0]["message"]


def test_files_are_read_where_they_are_and_large_ones_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    _fill(folder, 105)
    with (folder / "video.mp4").open("wb") as stream:
        stream.truncate(3 * 2**30)
    members = list(folder_members(folder, Caps(IngestLimits())))
    assert all(isinstance(m, Member) and isinstance(m.data, FileEntry) for m in members)
    _, report = _ingest(folder, tmp_path / "data", max_member_bytes=10_000)
    (line,) = report.skipped
    assert (line["name"], line["reason"]) == ("video.mp4", "file_too_large")
    assert "QUARTERTURN_MAX_MEMBER_BYTES" in line["message"]


def test_an_empty_folder_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(InvalidInputError, match="There are no files"):
        _ingest(tmp_path / "set", tmp_path / "data")


def test_links_out_of_the_allowed_folders_are_not_followed(tmp_path: Path) -> None:
    folder, secret = tmp_path / "allowed" / "set", tmp_path / "secret"
    _fill(folder, 105)
    _fill(secret, 3, first=700)
    (folder / "out").symlink_to(secret)
    (folder / "out.png").symlink_to(secret / "700.png")
    (folder / "in.png").symlink_to(folder / "1.png")
    settings = Settings(data_dir=tmp_path / "data")
    caps = Caps(settings.ingest_limits)
    members = folder_members(folder, caps, [tmp_path / "allowed"])
    info, report = ingest(members, caps, storage_of(settings))
    assert info.images == 105
    assert report.reasons == {"not_a_file": 2, "duplicate": 1}
