"""What a set may lie in: archives of many kinds, shards in a folder, one file of many pictures."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from quarterturn.data import CacheInfo, IngestReport, ingest
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.sources import archive_members, folder_members
from quarterturn.errors import InvalidInputError
from quarterturn.storage.folder import FolderStorage
from tests.data.drawn import file_of
from tests.data.test_formats import npy_of, npz_of

zstandard = pytest.importorskip("zstandard")

COUNT = 30


def _picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)


def _tar(first: int = 0, count: int = COUNT, *, labels: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(first, first + count):
            files = {f"{number:06d}.png": file_of(_picture(number), "PNG")}
            if labels:
                files[f"{number:06d}.cls"] = b"1"
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def _zip(first: int = 0, count: int = COUNT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(first, first + count):
            archive.writestr(f"{number}.png", file_of(_picture(number), "PNG"))
    return buffer.getvalue()


def _read(path: Path, data: Path) -> tuple[CacheInfo, IngestReport]:
    caps = Caps(IngestLimits(min_images=20))
    members = folder_members(path, caps) if path.is_dir() else archive_members(path, caps)
    return ingest(members, caps, FolderStorage(data), 24)


@pytest.mark.parametrize(
    "pack",
    [
        gzip.compress,
        bz2.compress,
        lzma.compress,
        zstandard.compress,
        bytes,
        lambda data: bz2.compress(data[:9000]) + bz2.compress(data[9000:]),
    ],
)
def test_packed_archives(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "set"
    path.write_bytes(pack(_tar()))
    info, report = _read(path, tmp_path / "data")
    assert (info.images, report.skipped) == (COUNT, [])


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, zstandard.compress, gzip.compress])
def test_a_packed_archive_that_was_cut_off(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "set"
    whole = pack(_tar())
    path.write_bytes(whole[: len(whole) * 9 // 10])
    assert _outcome(path, tmp_path / "data") in {"damaged", "not_an_archive", "too_few_images"}


def _outcome(path: Path, data: Path) -> str:
    try:
        return next(iter(_read(path, data)[1].reasons))
    except InvalidInputError as error:
        return error.code


def test_shards_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "shard-0.tar").write_bytes(_tar(0, labels=True))
    (folder / "shard-1.tar.gz").write_bytes(gzip.compress(_tar(100)))
    (folder / "more.zip").write_bytes(_zip(200))
    (folder / "cut.zip").write_bytes(_zip(300)[:-50])
    (folder / "single.png").write_bytes(file_of(_picture(999), "PNG"))
    info, report = _read(folder, tmp_path / "data")
    assert info.images == 3 * COUNT + 1
    lines = {item["name"]: item for item in report.skipped}
    assert "end is missing" in lines.pop("cut.zip")["message"]
    assert set(lines) == {f"shard-0.tar/{n:06d}.cls" for n in range(COUNT)}


def test_one_file_of_many_pictures(tmp_path: Path) -> None:
    stack = np.stack([_picture(number) for number in range(COUNT)])
    for name, data in {
        "stack.npy": npy_of(stack),
        "set.npz": npz_of(train_images=stack, train_labels=np.zeros((COUNT, 1), np.uint8)),
        "mnist.gz": gzip.compress(
            b"\0\0\x08\x03" + np.array(stack.shape[:3], ">u4").tobytes() + stack[..., 0].tobytes()
        ),
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert _read(path, tmp_path / "data")[0].images == COUNT, name


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 99, "7z"),
        (b"Rar!\x1a\x07\x00" + b"\0" * 99, "rar"),
        (_zip()[:-50], "end is missing"),
        (b"<!DOCTYPE html><html>" + b" " * 99, "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"anything else" * 9, "Pack the images"),
    ],
)
def test_what_is_no_archive_is_named(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(data)
    with pytest.raises(InvalidInputError) as caught:
        _read(path, tmp_path / "data")
    assert caught.value.code == "not_an_archive"
    assert says in caught.value.message


def test_a_password_is_told_of(tmp_path: Path) -> None:
    data = bytearray(_zip())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    path = tmp_path / "locked.zip"
    path.write_bytes(bytes(data))
    with pytest.raises(InvalidInputError, match="without a password"):
        _read(path, tmp_path / "data")
