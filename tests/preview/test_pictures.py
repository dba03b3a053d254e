"""Pictures of datasets, policies and operations, from the process that draws them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.previews import pictures, process
from core.previews.verdict import verdict_of
from core.settings import Settings
from quarterturn.data import CacheInfo, DatasetCache
from quarterturn.errors import ConflictError, NotFoundError
from quarterturn.policy.recipes import none, simclr
from quarterturn.storage.folder import FolderStorage


@pytest.fixture(scope="module")
def folder(animal_info: CacheInfo, library: Settings) -> Path:
    return library.data_dir / "datasets" / animal_info.digest


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_sheet_shows_the_images_and_what_a_policy_does(
    folder: Path, animal_cache: DatasetCache
) -> None:
    plain = _pixels(pictures.of_policy(folder, none(), images=2, draws=3, seed=0, page=0))
    assert plain.shape == (2 * 87 - 3, 4 * 87 - 3, 3)
    first = animal_cache.split("pretrain")[0].astype(int)
    assert np.array_equal(plain[:84:3, :84:3], first)
    assert np.array_equal(plain[:84, :84], plain[:84, 87:171]), "no augmentation, the same image"
    drawn = [
        pictures.of_policy(folder, simclr(), images=2, draws=3, seed=seed, page=page)
        for seed, page in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3, "another seed and other images draw others"
    assert not np.array_equal(_pixels(drawn[0])[:84, :84], _pixels(drawn[0])[:84, 87:171])


def test_an_operation_grows_stronger(folder: Path) -> None:
    sheet = _pixels(pictures.of_operation(folder, "brightness"))
    cells = [sheet[:56, at * 59 : at * 59 + 56] for at in range(4)]
    change = [abs(cell - cells[0]).mean() for cell in cells]
    assert 0 == change[0] < change[1] < change[2] < change[3]
    assert _pixels(pictures.of_operation(folder, "invert")).shape[1] == 2 * 59 - 3
    assert pictures.of_operation(folder, "random_resized_crop")
    with pytest.raises(NotFoundError, match="no operation"):
        pictures.of_operation(folder, "../dataset")


def test_the_mean_is_turned_four_times(folder: Path) -> None:
    sheet = _pixels(pictures.of_mean(folder))
    cells = [sheet[:, at * 115 : at * 115 + 112] for at in range(4)]
    for turn, cell in enumerate(cells):
        assert np.array_equal(np.rot90(cells[0], turn), cell)


def test_whether_rotation_can_be_told_is_measured_and_kept(folder: Path) -> None:
    found = pictures.rotation_of(folder)
    assert found["verdict"] == "partly"
    assert 0.35 < found["pixels"] < 0.85
    assert f"{100 * found['untrained']:.0f} %" in found["sentence"]
    before = sorted((folder / "previews").iterdir())
    assert pictures.rotation_of(folder) == found
    assert sorted((folder / "previews").iterdir()) == before
    assert not any(path.name.startswith(".") for path in before)


@pytest.mark.parametrize(
    ("pixels", "untrained", "verdict"),
    [(0.26, 0.24, "hidden"), (0.25, 0.4, "partly"), (0.95, 0.5, "given_away")],
)
def test_verdicts(pixels: float, untrained: float, verdict: str) -> None:
    found = {"pixels": pixels, "untrained": untrained, "sampling_error": 0.01}
    assert verdict_of(found)[0] == verdict


def test_deleted_images_are_said_to_be(tmp_path: Path) -> None:
    nothing = process.images_of(FolderStorage(tmp_path), "d" * 64)
    with pytest.raises(ConflictError) as refused, nothing:
        pass
    assert refused.value.code == "images_deleted"
