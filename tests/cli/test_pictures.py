"""Images of a user: from folders, archives and files."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from quarterturn.errors import InvalidInputError
from quarterturn.preview.pictures import read_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images and a text."""
    inner = tmp_path / "images" / "inner"
    inner.mkdir(parents=True)
    (inner / "a.txt").write_text("no image")
    for width in (20, 30):
        Image.new("RGB", (width, 10), (200, 0, 0)).save(inner / f"{width}.png")
    return inner.parent


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder.parent / "images.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return folder.parent / "images.zip"


def _tar(folder: Path) -> Path:
    with tarfile.open(folder.parent / "images.tar.gz", "w:gz") as archive:
        archive.add(folder, "")
    return folder.parent / "images.tar.gz"


@pytest.mark.parametrize("packed", [Path, _zip, _tar])
def test_files_that_are_no_images_are_passed_over(folder: Path, packed: type[Path]) -> None:
    found = read_images([packed(folder)], 5)
    assert sorted(image.width for image in found) == [20, 30]
    assert len(read_images([packed(folder)], 1)) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nowhere.zip", "path_not_found"),
        ("broken.zip", "path_not_found"),
        ("images/inner/a.txt", "no_images"),
        ("empty", "no_images"),
    ],
)
def test_what_cannot_be_read_is_said(folder: Path, name: str, code: str) -> None:
    (folder.parent / "empty").mkdir()
    whole = _zip(folder).read_bytes()
    name_of_a = whole.index(b"inner/20.png")
    (folder.parent / "broken.zip").write_bytes(
        whole[: name_of_a + 12] + b"\0" * 40 + whole[name_of_a + 52 :]
    )
    with pytest.raises(InvalidInputError) as refused:
        read_images([folder.parent / name], 5)
    assert refused.value.code == code
