"""What trials train on is what was uploaded, or nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from core.settings import Settings
from quarterturn.data import CacheInfo
from quarterturn.errors import ObjectMissingError
from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.keys import dataset_key
from quarterturn.trial.data import open_trial_data

_CPU = torch.device("cpu")


@pytest.fixture
def folder(animal_info: CacheInfo, library: Settings, tmp_path: Path) -> Path:
    """A copy of a cache."""
    copied = tmp_path / "cache"
    shutil.copytree(library.data_dir / dataset_key(animal_info.digest), copied)
    return copied


def test_a_whole_cache_is_opened(folder: Path, tmp_path: Path) -> None:
    data = open_trial_data(folder, _CPU, FolderStorage(tmp_path))
    assert len(data.pretrain) > 0


@pytest.mark.parametrize("at", [0, -1])
def test_a_changed_byte_is_seen(folder: Path, tmp_path: Path, at: int) -> None:
    images = bytearray(folder.joinpath("images.bin").read_bytes())
    images[at] ^= 1
    folder.joinpath("images.bin").write_bytes(images)
    with pytest.raises(ObjectMissingError) as refused:
        open_trial_data(folder, _CPU, FolderStorage(tmp_path))
    assert "damaged" in refused.value.message


def test_zeros_where_a_power_cut_left_no_data_are_seen(folder: Path, tmp_path: Path) -> None:
    images = folder / "images.bin"
    images.write_bytes(bytes(images.stat().st_size))
    with pytest.raises(ObjectMissingError):
        open_trial_data(folder, _CPU, FolderStorage(tmp_path))


def test_a_cache_of_an_earlier_release_has_no_checksum(folder: Path, tmp_path: Path) -> None:
    info = json.loads(folder.joinpath("dataset.json").read_text())
    del info["checksum"]
    folder.joinpath("dataset.json").write_text(json.dumps(info))
    assert len(open_trial_data(folder, _CPU, FolderStorage(tmp_path)).pretrain) > 0
