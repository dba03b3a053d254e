"""Lists of files, archives within archives, tables and batches of well-known sets."""

from __future__ import annotations

import csv
import io
import json
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quarterturn.data import CacheInfo, IngestReport, ingest
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.members import FileEntry, Member
from quarterturn.data.sources import members_of
from quarterturn.errors import InvalidInputError, TooLargeError
from quarterturn.local.images import read_images
from quarterturn.storage.folder import FolderStorage
from tests.data.drawn import eight, file_of, refusal, shape01, shown
from tests.data.test_sources import COUNT, _picture, _tar, _zip

LIMITS = IngestLimits(min_images=20)


def _read(
    path: Path, data: Path, roots: list[Path] | None = None, **limits: Any
) -> tuple[CacheInfo, IngestReport]:
    caps = Caps(IngestLimits(min_images=20, **limits))
    return ingest(members_of(path, caps, roots), caps, FolderStorage(data), 24)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty pictures, and what they are called."""
    path = tmp_path / "elsewhere" / "päck 1"
    path.mkdir(parents=True)
    for number in range(COUNT):
        (path / f"{number} ü.png").write_bytes(file_of(_picture(number), "PNG"))
    return path


def _names(folder: Path) -> list[str]:
    return [f"elsewhere/{folder.name}/{number} ü.png" for number in range(COUNT)]


def _txt(names: list[str]) -> str:
    return "\n".join([*names[:20], "", *(f"{name} 3" for name in names[20:])])


def _table(names: list[str], *, heads: bool, delimiter: str = ",") -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter)
    if heads:
        writer.writerow(["Label", "File_Name"])
    writer.writerows(["cat, or dog", name] for name in names)
    return buffer.getvalue()


def _json(names: list[str]) -> str:
    return "\n".join(json.dumps({"label": 1, "image_path": name}) for name in names)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("list.txt", _txt),
        ("list.csv", lambda names: _table(names, heads=True)),
        ("list.csv", lambda names: "\ufeff" + _table(names, heads=False)),
        ("list.TSV", lambda names: _table(names, heads=True, delimiter="\t")),
        ("list.jsonl", _json),
        ("list.jsonl", lambda names: "\n".join(map(json.dumps, names))),
    ],
)
def test_a_list_of_files_is_the_set_of_its_files(
    name: str, write: Callable[[list[str]], str], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(write(_names(folder)), encoding="utf-8")
    info, report = _read(tmp_path / name, tmp_path / "data")
    assert (info.images, report.files, report.skipped) == (COUNT, COUNT, [])
    assert info.digest == _read(folder, tmp_path / "data")[0].digest


def test_a_list_may_name_folders_and_archives_and_what_is_not_there(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "more.zip").write_bytes(_zip(200))
    lines = [f"elsewhere/{folder.name}", "more.zip", "gone.png", "https://a.b/c.png", str(folder)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    info, report = _read(tmp_path / "list.txt", tmp_path / "data")
    assert info.images == 2 * COUNT
    assert report.reasons == {"duplicate": COUNT, "unreadable": 2}
    messages = {item["name"]: item["message"] for item in report.skipped}
    assert "No such file" in messages["gone.png"]
    assert "download" in messages["https://a.b/c.png"]


def test_a_list_reads_nothing_outside_of_what_is_allowed(folder: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    for number in range(COUNT):
        (allowed / f"{number}.png").write_bytes(file_of(_picture(number), "PNG"))
    names = [f"{number}.png" for number in range(COUNT)]
    (allowed / "out.png").symlink_to(folder / "1 ü.png")
    (allowed / "list.txt").write_text("\n".join([*names, str(folder / "1 ü.png"), "out.png", ".."]))
    info, report = _read(allowed / "list.txt", tmp_path / "data", [allowed])
    assert info.images == COUNT
    assert report.reasons == {"not_a_file": 3}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"label,id\n1,2\n"),
        ("a.csv", b""),
        ("a.jsonl", b"{path}\n"),
        ("a.txt", b"\xff\xfe\x00\x01"),
        ("a.txt", b"x" * 100_000),
    ],
)
def test_a_list_that_is_none_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        _read(tmp_path / name, tmp_path / "data")
    assert caught.value.code == "invalid_manifest"
    assert "column `path`" in caught.value.message


def test_paths_from_python(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FolderStorage(tmp_path / "data")
    expected = read_images(folder, storage, LIMITS).info
    monkeypatch.chdir(folder)
    names = sorted(path.name for path in folder.iterdir())
    assert read_images(names, storage, LIMITS).info == expected
    assert read_images([Path(name) for name in names], storage, LIMITS).info == expected
    pairs = [(str(folder / name), 1) for name in names]  # as torchvision's ImageFolder.samples
    assert read_images(pairs, storage, LIMITS).info == expected
    with pytest.raises(InvalidInputError, match="list of paths"):
        read_images([*names, 3], storage, LIMITS)


def test_hugging_face_datasets(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    storage = FolderStorage(tmp_path / "data")
    files = sorted(folder.iterdir())
    expected = read_images(folder, storage, LIMITS).info
    table = {"label": [0] * COUNT, "scan": [str(path) for path in files]}
    decoded = datasets.Dataset.from_dict(table).cast_column("scan", datasets.Image())
    raw = decoded.cast_column("scan", datasets.Image(decode=False))
    for images in (decoded, raw, raw.to_iterable_dataset()):
        assert read_images(images, storage, LIMITS).info == expected
    several = datasets.DatasetDict({"train": decoded, "test": decoded})
    with pytest.raises(InvalidInputError, match="train, test; choose one"):
        read_images(several, storage, LIMITS)
    path = tmp_path / "train.parquet"
    rows = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    features = datasets.Features({"scan": datasets.Image()})
    datasets.Dataset.from_dict({"scan": rows}, features=features).to_parquet(path)
    assert _read(path, tmp_path / "data")[0].images == COUNT


def parquet_of(files: list[bytes | None], *, nested: bool = True, rows: int = 7) -> bytes:
    """A table of labels and images."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    values = [{"bytes": file, "path": "x.png"} for file in files] if nested else files
    table = pa.table({"label": pa.array(range(len(files))), "image": pa.array(values)})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, row_group_size=rows)
    return buffer.getvalue()


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_is_read_row_by_row(nested: bool, tmp_path: Path) -> None:
    files: list[bytes | None] = [file_of(_picture(number), "PNG") for number in range(COUNT)]
    files[3], files[8] = None, b"broken"
    folder = tmp_path / "set"
    folder.mkdir()
    path = folder / "train-00000.parquet"
    path.write_bytes(parquet_of(files, nested=nested))
    size = path.stat().st_size
    info, report = _read(folder, tmp_path / "data", max_member_bytes=size // 3)
    assert info.images == COUNT - 2, "a table may be larger than a file of a picture"
    assert {item["name"] for item in report.skipped} == {f"{path.name}#4", f"{path.name}#9"}
    assert "without the bytes" in report.skipped[0]["message"]
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(path, "x.parquet")
    assert _read(tmp_path / "packed.zip", tmp_path / "data")[0].digest == info.digest
    assert _read(path, tmp_path / "data")[0].digest == info.digest


def test_a_long_table_goes_on_where_there_was_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quarterturn.data import batches
    from quarterturn.data.plan import DecodePlan
    from quarterturn.data.unusable import DecodeLimits

    files: list[bytes | None] = [file_of(_picture(number), "PNG") for number in range(COUNT)]
    (tmp_path / "a.parquet").write_bytes(parquet_of(files))
    monkeypatch.setattr(batches, "_MAX_PIXEL_BYTES", 4 * 24 * 24 * 3)
    member = Member("a.parquet", FileEntry(str(tmp_path / "a.parquet"), 1))
    rest, names = [member], []
    while rest:
        done = batches.decode_batch(rest, DecodePlan(24), DecodeLimits(10**6, 8))
        assert len(done.names) <= 4
        names += done.names
        rest = done.rest
    assert names == [f"a.parquet#{number + 1}" for number in range(COUNT)]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_array_in_a_folder_may_be_of_any_size(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.stack([np.asarray(_picture(number)).astype(kind) for number in range(COUNT)])
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "all.npy"
    np.save(path, pictures)
    info, _ = _read(tmp_path / "in", tmp_path / "whole")
    few, report = _read(path, tmp_path / "parts", max_member_bytes=path.stat().st_size // 3)
    assert (few.digest, few.images, report.skipped) == (info.digest, COUNT, [])
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(path, "all.npy")
        archive.writestr("all.npz", path.read_bytes())
        for number in range(COUNT):
            archive.writestr(f"{number}.png", file_of(_picture(number), "PNG"))
    limit = path.stat().st_size // 3
    _, report = _read(tmp_path / "packed.zip", tmp_path / "packed", max_member_bytes=limit)
    said = {item["name"]: item["message"] for item in report.skipped}
    assert "unpack it into a folder" in said["all.npy"]
    assert "as .npy in a folder" in said["all.npz"]


def test_a_long_array_goes_on_where_there_was_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from quarterturn.data import batches
    from quarterturn.data.plan import DecodePlan
    from quarterturn.data.unusable import DecodeLimits

    np.save(tmp_path / "a.npy", np.stack([np.asarray(_picture(number)) for number in range(9)]))
    monkeypatch.setattr(batches, "_MAX_PIXEL_BYTES", 4 * 24 * 24 * 3)
    rest = [Member("a.npy", FileEntry(str(tmp_path / "a.npy"), 1))]
    names = []
    while rest:
        done = batches.decode_batch(rest, DecodePlan(24), DecodeLimits(10**6, 8, 100))
        names += done.names
        rest = done.rest
    assert names == [f"a.npy#{number + 1}" for number in range(9)]


def test_tables_without_images_and_broken_ones(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pa.table({"label": [1], "text": ["a"]}), buffer)
    assert "it has label, text" in refusal(buffer.getvalue()).message
    assert refusal(buffer.getvalue()[:-20]).reason == "damaged"


def _pickled(content: Any, *, old: bool) -> bytes:
    """As Python 2 wrote them, with the strings of that time, or as Python 3 does."""
    data = pickle.dumps(content, protocol=2)
    return data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray") if old else data


@pytest.mark.parametrize("old", [False, True])
def test_cifar_as_pickles_of_python(old: bool, tmp_path: Path) -> None:
    images = np.stack(
        [eight(np.stack([shape01(s + k, 32) for k in range(3)])) for s in range(COUNT)]
    )
    batch = {b"data": images.reshape(COUNT, -1), b"labels": [1] * COUNT, b"batch_label": b"1 of 5"}
    data = _pickled(batch, old=old)
    pictures = shown(data)
    assert np.array_equal(np.stack(pictures), np.moveaxis(images, 1, 3))
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in {
            "data_batch_1": data,
            "batches.meta": _pickled({b"label_names": [b"cat"]}, old=old),
            "readme.html": b"<html>",
        }.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    info, report = _read(tmp_path / "cifar-10-python.tar.gz", tmp_path / "data")
    assert info.images == COUNT
    assert report.reasons == {"not_an_image": 1, "web_page": 1}


class _Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def test_no_pickle_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "run"
    for content in (_Harmful(mark), {b"data": _Harmful(mark)}):
        for protocol in (2, 3, 4, 5):
            error = refusal(pickle.dumps(content, protocol))
            assert error.reason == "not_an_image"
            assert "never run" in error.message
    assert not mark.exists()
    for values in (np.zeros((30, 7), np.uint8), np.zeros((3, 3072)), np.array([{}])):
        assert refusal(pickle.dumps({b"data": values}, 2)).reason == "not_an_image"


@pytest.mark.parametrize("labels", [1, 2])
def test_cifar_in_binary(labels: int, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 3, 32, 32), np.uint8)
    heads = np.full((COUNT, labels), 7, np.uint8)
    data = np.concatenate((heads, images.reshape(COUNT, -1)), axis=1).tobytes()
    assert np.array_equal(np.stack(shown(data)), np.moveaxis(images, 1, 3))
    assert refusal(b"\0" * len(data)).reason == "not_an_image"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "data_batch_1.bin").write_bytes(data)
    assert _read(tmp_path / "set", tmp_path / "data")[0].images == COUNT


def _within(name: str, data: bytes, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data)
            archive.writestr("single.png", file_of(_picture(900), "PNG"))
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as tar:
            for inner, content in ((name, data), ("single.png", file_of(_picture(900), "PNG"))):
                info = tarfile.TarInfo(inner)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("outer", ["zip", "", "gz"])
@pytest.mark.parametrize(("name", "inner"), [("train.zip", _zip), ("train.tar", _tar)])
def test_archives_within_an_archive(
    name: str, inner: Callable[[], bytes], outer: str, tmp_path: Path
) -> None:
    path = tmp_path / "kaggle"
    path.write_bytes(_within(name, inner(), outer))
    info, report = _read(path, tmp_path / "data")
    assert (info.images, report.skipped) == (COUNT + 1, [])
    folder = tmp_path / "set"
    folder.mkdir()
    path.rename(folder / ("kaggle.zip" if outer == "zip" else "kaggle.tar"))
    assert _read(folder, tmp_path / "data")[0].digest == info.digest


def test_only_one_level_and_only_whole_ones(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.zip", _zip())
        archive.writestr("deep.zip", _within("deeper.zip", _zip(100), "zip"))
        archive.writestr("cut.zip", _zip(200)[:-40])
    info, report = _read(path, tmp_path / "data")
    assert info.images == COUNT + 1
    lines = {item["name"]: item for item in report.skipped}
    assert lines["deep.zip/deeper.zip"]["reason"] == "nested_archive"
    assert "unpack it first" in lines["deep.zip/deeper.zip"]["message"]
    assert lines["cut.zip"]["reason"] == "damaged"


@pytest.mark.parametrize("outer", ["zip", "gz"])
def test_archives_within_archives_are_under_the_same_caps(outer: str, tmp_path: Path) -> None:
    path = tmp_path / "set"
    path.write_bytes(_within("inner.zip", _zip(), outer))
    with pytest.raises(TooLargeError, match="files"):
        _read(path, tmp_path / "data", max_members=COUNT)
    with pytest.raises(TooLargeError, match="unpacks"):
        _read(path, tmp_path / "data", max_archive_bytes=60_000)
    path.write_bytes(_within("bomb.tar", b"\0" * 30_000_000, outer))
    with pytest.raises(TooLargeError):
        _read(path, tmp_path / "data", max_member_bytes=200_000, max_archive_ratio=20)


def test_nothing_is_left_of_what_was_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    path = tmp_path / "set.zip"
    path.write_bytes(_within("inner.zip", _zip(), "zip"))
    _read(path, tmp_path / "data")
    assert list((tmp_path / "scratch").iterdir()) == []
