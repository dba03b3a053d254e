"""What `Search` takes as images: all kinds of the same pictures are the same set."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, TensorDataset

from quarterturn.data.caps import IngestLimits
from quarterturn.errors import InvalidInputError
from quarterturn.local.images import read_images
from quarterturn.storage import FolderStorage

LIMITS = IngestLimits(min_images=20)


@pytest.fixture(scope="module")
def pictures(animals: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 of the images."""
    folder = tmp_path_factory.mktemp("pictures")
    with zipfile.ZipFile(animals) as archive:
        archive.extractall(folder, archive.namelist()[:40])
    return folder


@pytest.fixture(scope="module")
def arrays(pictures: Path) -> np.ndarray:
    files = sorted(path for path in pictures.rglob("*") if path.is_file())
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


class Labelled(Dataset[Any]):
    """A torch dataset of (image, label), without an iterator."""

    def __init__(self, images: list[Any]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, place: int) -> tuple[Any, int]:
        if place >= len(self._images):
            raise IndexError(place)
        return self._images[place], 0


KINDS = {
    "array": lambda a: a,
    "floats": lambda a: a.astype(np.float32) / 255.0,
    "list of arrays": list,
    "generator of PIL images": lambda a: (Image.fromarray(row) for row in a),
    "tensor dataset": lambda a: TensorDataset(torch.from_numpy(a).permute(0, 3, 1, 2)),
    "labelled PIL dataset": lambda a: Labelled([Image.fromarray(row) for row in a]),
    "labelled tensors": lambda a: Labelled(
        [torch.from_numpy(row).permute(2, 0, 1) / 255.0 for row in a]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_pictures_are_the_same_set(
    kind: str, arrays: np.ndarray, pictures: Path, tmp_path: Path
) -> None:
    storage = FolderStorage(tmp_path)
    files = read_images(pictures, storage, LIMITS)
    found = read_images(KINDS[kind](arrays), storage, LIMITS)
    assert found.info == files.info
    assert found.report.images == len(arrays)


def test_grey_arrays_are_taken(arrays: np.ndarray, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    grey = read_images(arrays[..., 0], storage, LIMITS)
    assert grey.info == read_images(arrays[..., :1], storage, LIMITS).info


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((30, 16, 16, 3), np.int64),
        np.full((30, 16, 16, 3), 200.0, np.float32),
        np.random.default_rng(0).normal(size=(30, 16, 16, 3)),
        np.full((30, 16, 16, 3), np.nan),
        np.zeros((30, 16, 16, 5), np.uint8),
        ["a.png", 3],
        42,
    ],
)
def test_numbers_that_are_no_images_are_refused(images: Any, tmp_path: Path) -> None:
    """Not scaled by a guess: what is 0 to 255 in one project is normalised in another."""
    with pytest.raises(InvalidInputError) as refused:
        read_images(images, FolderStorage(tmp_path), LIMITS)
    assert refused.value.code == "invalid_images"


def test_paths_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"a\.png: cannot be read: No such file") as refused:
        read_images([tmp_path / "a.png", tmp_path / "b.png"], FolderStorage(tmp_path), LIMITS)
    assert refused.value.code == "no_images"


def test_a_missing_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_images(tmp_path / "nowhere", FolderStorage(tmp_path), LIMITS)
    assert refused.value.code == "path_not_found"


def test_relative_paths_are_read_by_processes_that_were_started_elsewhere(
    pictures: Path, animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes that decode keep the working directory in which they were started."""
    storage = FolderStorage(tmp_path / "first")
    expected = read_images(pictures, storage, LIMITS).info.digest  # starts them
    monkeypatch.chdir(pictures.parent)
    Path("archive.zip").symlink_to(animals)
    folder = read_images(pictures.name, FolderStorage(Path("second")), LIMITS)
    assert folder.info.digest == expected
    assert read_images("archive.zip", FolderStorage(Path("second")), LIMITS).report.skipped == []
