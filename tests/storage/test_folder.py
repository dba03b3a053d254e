"""A storage that is a folder: nothing is copied, and things are there as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.settings import Settings
from core.storage import storage_of
from quarterturn.errors import ObjectMissingError
from quarterturn.storage import Storage
from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.keys import dataset_key, encoder_key, job_key, state_key

KEY = dataset_key("d" * 64)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return storage_of(Settings(data_dir=tmp_path))


def _built(storage: Storage, content: bytes) -> Path:
    folder = storage.partial(KEY)
    folder.mkdir()
    (folder / "images.bin").write_bytes(content)
    return folder


def test_files_are_used_where_they_lie(storage: Storage, tmp_path: Path) -> None:
    built = _built(storage, b"images")
    inode = (built / "images.bin").stat().st_ino
    assert not storage.has(KEY), "not before it is put"
    assert storage.names("datasets") == []
    storage.put(KEY, built)
    with storage.held(KEY) as folder:
        assert folder == tmp_path / "datasets" / ("d" * 64)
        assert (folder / "images.bin").stat().st_ino == inode, "renamed, not copied"
    assert storage.names("datasets") == ["d" * 64]
    assert {path.name for path in tmp_path.iterdir()} == {"datasets"}, "there is no cache"


def test_an_equal_folder_stays_and_a_file_is_replaced(storage: Storage) -> None:
    storage.put(KEY, _built(storage, b"first"))
    second = _built(storage, b"second")
    storage.put(KEY, second)
    assert not second.exists()
    with storage.held(KEY) as folder:
        assert (folder / "images.bin").read_bytes() == b"first"
    key = encoder_key("job_1")
    for content in (b"one", b"two"):
        partial = storage.partial(key)
        partial.write_bytes(content)
        storage.put(key, partial)
    with storage.held(key) as path:
        assert path.read_bytes() == b"two"


def test_what_is_removed_is_missing(storage: Storage) -> None:
    keys = [state_key("job_1", "candidate", 0, length) for length in (1, 2)]
    for key in keys:
        partial = storage.partial(key)
        partial.write_bytes(b"state")
        storage.put(key, partial)
    storage.remove(job_key("job_1"))
    storage.remove(job_key("job_1"))
    for key in keys:
        assert not storage.has(key)
        with pytest.raises(ObjectMissingError) as caught, storage.held(key):
            pass
        assert caught.value.key == key


def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "own", storage_url=f"file://{tmp_path / 'shared'}")
    storage = storage_of(settings)
    assert isinstance(storage, FolderStorage)
    storage.put(KEY, _built(storage, b"images"))
    assert (tmp_path / "shared" / KEY / "images.bin").exists()
