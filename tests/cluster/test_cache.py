"""Copies on a machine of what lies in S3: checked, within a number of bytes, never taken away from
who uses them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.storage.remote import RemoteStorage
from quarterturn.errors import CacheFullError, ObjectMissingError, StorageUnavailableError
from quarterturn.storage.keys import encoder_key
from tests.cluster.s3 import BUCKET, S3Server

SIZE = 50_000
#: Longer than that of any kernel, by which files have their times.
_TICK = 0.05
ROOT = f"s3://{BUCKET}/caches"


def _storage(s3: S3Server, work: Path, objects: float = 10) -> RemoteStorage:
    """With room for so many objects."""
    return RemoteStorage(f"{ROOT}/{work.name}", work, int(objects * SIZE))


def _put(storage: RemoteStorage, number: int) -> str:
    """A folder with one file, whose digest is the name."""
    content = number.to_bytes(4) * (SIZE // 4)
    key = f"datasets/{hashlib.sha256(content).hexdigest()}"
    folder = storage.partial(key)
    folder.mkdir()
    (folder / "images.bin").write_bytes(content)
    storage.put(key, folder)
    assert not folder.exists()
    return key


def _copies(work: Path) -> list[Path]:
    return [
        Path(at, name)
        for at, _, names in os.walk(work / "cache")
        for name in names
        if not name.endswith(".lock")
    ]


def _bytes(work: Path) -> int:
    total = 0
    for path in _copies(work):
        with contextlib.suppress(FileNotFoundError):  # another process may remove it meanwhile
            total += path.stat().st_size
    return total


@pytest.mark.parametrize("how", ["changed", "shortened", "gone"])
def test_a_damaged_copy_is_fetched_again(s3: S3Server, tmp_path: Path, how: str) -> None:
    storage = _storage(s3, tmp_path)
    key = _put(storage, 1)
    with storage.held(key) as folder:
        content = (folder / "images.bin").read_bytes()
    (copy,) = _copies(tmp_path)
    if how == "gone":
        copy.unlink()
    elif how == "shortened":
        os.truncate(copy, SIZE // 2)
    else:
        copy.write_bytes(content[:100] + b"\0\1\2\3" + content[104:])
    with storage.held(key) as folder:
        assert (folder / "images.bin").read_bytes() == content


def test_a_sound_copy_is_not_fetched_again(s3: S3Server, tmp_path: Path) -> None:
    storage = _storage(s3, tmp_path)
    key = _put(storage, 1)
    with storage.held(key):
        (copy,) = _copies(tmp_path)
        inode = copy.stat().st_ino
    with storage.held(key):
        assert _copies(tmp_path)[0].stat().st_ino == inode


def test_an_object_that_is_damaged_or_gone_is_an_error_that_names_it(
    s3: S3Server, tmp_path: Path
) -> None:
    storage = _storage(s3, tmp_path)
    key = _put(storage, 2)
    files, root = s3.files(), f"{ROOT}/{tmp_path.name}/{key}"
    blob = next(path for path in files.ls(root) if "manifest" not in path)
    files.pipe_file(blob, b"something else")
    with pytest.raises(ObjectMissingError, match="is damaged") as caught, storage.held(key):
        pass
    assert caught.value.code == "object_missing"
    assert caught.value.key == key
    files.rm_file(blob)
    with pytest.raises(ObjectMissingError), storage.held(key):
        pass
    storage.remove(key)
    with pytest.raises(ObjectMissingError), storage.held(key):
        pass
    assert _copies(tmp_path) == []
    assert not storage.has(key)


def test_a_storage_that_cannot_be_used_is_another_error(s3: S3Server, tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailableError):
        RemoteStorage("s3://no-such-bucket/x", tmp_path, SIZE).put(
            "encoders/a", _file(tmp_path / "a")
        )
    with pytest.raises(StorageUnavailableError, match="Protocol not known"):
        RemoteStorage("nonsense://x", tmp_path, SIZE)


def _file(path: Path, content: bytes = b"weights") -> Path:
    path.write_bytes(content)
    return path


def test_the_cap_holds_and_the_oldest_goes_first(s3: S3Server, tmp_path: Path) -> None:
    storage = _storage(s3, tmp_path, objects=3.5)
    keys = [_put(storage, number) for number in range(5)]
    for key in keys[:3]:
        with storage.held(key):
            time.sleep(_TICK)
    with storage.held(keys[0]):
        time.sleep(_TICK)
    held = {path.parent.name for path in _copies(tmp_path)}
    with storage.held(keys[3]):
        assert _bytes(tmp_path) <= 3.5 * SIZE
    (gone,) = held - {path.parent.name for path in _copies(tmp_path)}
    with storage.held(keys[1]) as folder:
        assert folder.name == gone, "the others were used later"
    storage.tidy(3600)
    assert len(_copies(tmp_path)) == 3
    storage.remove(keys[1])
    storage.tidy(3600)
    assert len(_copies(tmp_path)) == 2, "copies of what was removed go too"


def test_what_is_in_use_stays(s3: S3Server, tmp_path: Path) -> None:
    storage = _storage(s3, tmp_path, objects=2.5)
    first, second, third = (_put(storage, number) for number in range(3))
    with storage.held(first) as one, storage.held(second) as two:
        with pytest.raises(CacheFullError) as caught, storage.held(third):
            pass
        assert caught.value.code == "cache_full"
        assert "QUARTERTURN_CACHE_BYTES" in caught.value.message
        assert (one / "images.bin").exists()
        assert (two / "images.bin").exists()
    with storage.held(third):
        assert _bytes(tmp_path) <= 2.5 * SIZE


def test_several_processes_share_it(s3: S3Server, tmp_path: Path) -> None:
    """More than there is room for, by three processes at once; one of them is killed."""
    storage = _storage(s3, tmp_path, objects=3.5)
    keys = [_put(storage, number) for number in range(8)]
    command = [
        sys.executable,
        "-m",
        "tests.cluster.holding",
        f"{ROOT}/{tmp_path.name}",
        str(tmp_path),
        str(int(3.5 * SIZE)),
    ]
    processes = [
        subprocess.Popen([*command, str(seed), *keys], stdout=subprocess.PIPE, text=True)
        for seed in range(3)
    ]
    while any(process.poll() is None for process in processes[1:]):
        assert _bytes(tmp_path) <= 3.5 * SIZE
        if len(_copies(tmp_path)) == 3:
            processes[0].kill()
        time.sleep(0.02)
    counts = [process.communicate()[0].split() for process in processes]
    assert all(int(held) > 0 for held, _ in counts[1:])
    with storage.held(keys[0]):
        pass


def test_an_equal_folder_stays_and_a_broken_one_is_mended(s3: S3Server, tmp_path: Path) -> None:
    storage = _storage(s3, tmp_path)
    key = _put(storage, 1)
    folder = storage.partial(key)
    folder.mkdir()
    (folder / "images.bin").write_bytes(b"of the same name, so the same")
    storage.put(key, folder)
    assert not folder.exists()
    with storage.held(key) as held:
        content = (held / "images.bin").read_bytes()
    assert hashlib.sha256(content).hexdigest() in key
    files, root = s3.files(), f"{ROOT}/{tmp_path.name}/{key}"
    files.rm_file(next(path for path in files.ls(root) if "manifest" not in path))
    assert _put(storage, 1) == key
    elsewhere = RemoteStorage(f"{ROOT}/{tmp_path.name}", tmp_path / "other", 10 * SIZE)
    with elsewhere.held(key) as held:
        assert (held / "images.bin").read_bytes() == content


def test_a_file_takes_the_place_of_another_at_once(s3: S3Server, tmp_path: Path) -> None:
    storage = _storage(s3, tmp_path)
    key = encoder_key("job_1")
    for content in (b"first", b"second", b"second"):
        storage.put(key, _file(storage.partial(key), content))
        with storage.held(key) as path:
            assert path.read_bytes() == content
            assert path.name == "job_1.safetensors"
    assert len(s3.files().ls(f"{ROOT}/{tmp_path.name}/{key}")) == 2, "one blob, one manifest"
    assert storage.names("encoders") == ["job_1.safetensors"]
    assert 0 <= storage.age(key) < 60
    storage.remove(key)
    assert storage.names("encoders") == []
