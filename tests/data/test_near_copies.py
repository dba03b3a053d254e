"""Pictures that look alike lie in one split, and the report says how many."""

from __future__ import annotations

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image

from quarterturn.data import CacheInfo, IngestReport, ingest
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.members import Member
from quarterturn.storage.folder import FolderStorage
from tests.data.drawn import bands01, eight

SCENES, FRAMES = 120, 4


def _scene(number: int) -> Image.Image:
    draws = np.random.default_rng(number)
    y, x = np.mgrid[0:64, 0:64] / 64
    picture = np.zeros((64, 64, 3))
    for _ in range(6):
        spot = np.exp(-((x - draws.random()) ** 2 + (y - draws.random()) ** 2) / 0.02)
        picture += spot[..., None] * draws.uniform(-1, 1, 3)
    return Image.fromarray(eight((picture - picture.min()) / np.ptp(picture)))


def _file(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _copies(number: int) -> list[bytes]:
    """A picture, saved once more, as a thumbnail, and as the next frame."""
    scene = _scene(number)
    shifted = Image.fromarray(np.roll(np.asarray(scene), 1, axis=1))
    return [
        _file(scene, "PNG"),
        _file(scene, "JPEG", quality=80),
        _file(scene.resize((40, 40)), "PNG"),
        _file(shifted, "PNG"),
    ]


def _read(members: list[Member], folder: Path) -> tuple[CacheInfo, IngestReport, list[str]]:
    caps = Caps(IngestLimits(min_images=20))
    info, report = ingest(members, caps, FolderStorage(folder), 32)
    lines = (folder / "datasets" / info.digest / "members.jsonl").read_text().splitlines()
    return info, report, [line.strip('"') for line in lines]


def test_copies_lie_in_one_split(tmp_path: Path) -> None:
    members = [
        Member(f"{number}-{copy}", data)
        for number in range(SCENES)
        for copy, data in enumerate(_copies(number))
    ]
    info, report, names = _read(members, tmp_path)
    split_of = {
        name: split for split, (start, end) in info.splits.items() for name in names[start:end]
    }
    apart = [
        number
        for number in range(SCENES)
        if len({split_of[f"{number}-{copy}"] for copy in range(FRAMES)}) > 1
    ]
    assert len(apart) <= SCENES * 0.1
    (note,) = [note for note in report.notes if note.code == "near_copies"]
    assert note.count >= SCENES * FRAMES * 0.95
    shares = {split: (end - start) / info.images for split, (start, end) in info.splits.items()}
    assert abs(shares["pretrain"] - 0.7) < 0.15
    random.Random(1).shuffle(members)
    assert _read(members, tmp_path / "other")[0] == info, "the order of files does not matter"


def test_different_pictures_are_no_copies(tmp_path: Path) -> None:
    members = [Member(str(number), _file(_scene(number), "PNG")) for number in range(300)]
    _, report, _ = _read(members, tmp_path)
    assert not [note for note in report.notes if note.code == "near_copies"]


def test_a_set_of_nothing_but_copies_is_still_split(tmp_path: Path) -> None:
    base = eight(bands01(3))
    members = []
    for number in range(100):
        picture = base.copy()
        picture[number // 10, number % 10] ^= 64
        members.append(Member(str(number), _file(Image.fromarray(picture), "PNG")))
    info, _, _ = _read(members, tmp_path)
    assert all(end > start for start, end in info.splits.values())
