"""Files that scanners, cameras and programs wrote, as libraries ship them: each is shown as the
library reads it, or refused with a reason; none is wrong in silence.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quarterturn.data.asked import PictureOptions
from quarterturn.data.decode import alone, show
from quarterturn.data.formats import ReadOptions, read_pictures
from quarterturn.data.picture import Picture, Samples
from quarterturn.data.unusable import DecodeLimits, UnusableImageError

LIMITS = ReadOptions(DecodeLimits(50_000_000, 8))
_MOST = 4  # pictures of one file
_CODE = {".py", ".pyc", ".pyi", ".so", ".pyx", ".pxd", ".txt", ".md", ".json", ".toml"}
#: What libraries ship, at least.
FEWEST = {"pydicom": 60, "nibabel": 8, "skimage": 25}


def _files(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    folder = Path(spec.origin).parent
    yield from (
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in _CODE
    )


def _pictures(data: bytes) -> list[Picture]:
    result = []
    for picture in read_pictures(data, LIMITS):
        result.append(picture)
        if len(result) == _MOST:
            break
    return result


def _dicom(path: Path) -> np.ndarray:
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut

    header: Any = dcmread(path, force=True)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    values = header.pixel_array
    if int(header.get("NumberOfFrames") or 1) > 1:
        values = values[0]
    if header.PhotometricInterpretation == "PALETTE COLOR":
        return np.asarray(apply_color_lut(values, header))
    values = apply_modality_lut(values, header) if values.ndim == 2 else values
    return -values if header.PhotometricInterpretation == "MONOCHROME1" else values


def _nibabel(path: Path) -> np.ndarray:
    import nibabel

    image: Any = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[no-untyped-call]
    return np.asarray(image.get_fdata())[::-1, ::-1].reshape(*image.shape[:2], -1)[..., 0].T


def _other(path: Path) -> np.ndarray:
    from skimage.io import imread

    return np.asarray(imread(path))


READERS = {"DICOM": _dicom, "NIfTI": _nibabel}


def _agree(picture: Picture, expected: np.ndarray) -> bool:
    """Whether a picture shows the values that a library reads, but for what the range cuts off."""
    intensity = alone(picture, PictureOptions())
    shown = np.asarray(show(picture, intensity)).astype(float)
    if intensity is not None and not (isinstance(picture, Samples) and picture.inverted):
        expected = np.nan_to_num(expected.astype(float), nan=intensity.low)
        expected = expected.clip(intensity.low, intensity.high)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    expected = expected[..., :3].astype(float)
    if shown.shape != expected.shape:
        return False
    if expected.std() < 1e-9 or shown.std() < 1e-9:
        return bool(expected.std() < 1e-9) == bool(shown.std() < 1e-9)
    return float(np.corrcoef(shown.ravel(), expected.ravel())[0, 1]) > 0.98


def _reader(path: Path, data: bytes) -> Any:
    if data[128:132] == b"DICM":
        return _dicom
    if path.suffix == ".nii" or path.name.endswith(".nii.gz"):
        return _nibabel
    return _other if path.suffix in (".png", ".jpg", ".tif", ".tiff", ".gif") else None


@pytest.mark.parametrize("package", FEWEST)
def test_none_is_wrong_in_silence(package: str) -> None:
    outcomes: Counter[str] = Counter()
    wrong, unhelpful = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in _files(package):
            data = path.read_bytes()
            try:
                pictures = _pictures(data)
            except UnusableImageError as error:
                outcomes[error.reason] += 1
                if len(error.message) < 15:
                    unhelpful.append((path.name, error.message))
                continue
            outcomes["shown"] += 1
            reader = _reader(path, data)
            if reader is None:
                continue
            outcomes["compared"] += 1
            expected = reader(path)
            if expected.ndim == 4 or path.name.startswith("multipage"):
                expected = expected[0]
            if not _agree(pictures[0], expected):
                wrong.append(path.name)
    print(f"{package}: {dict(outcomes)}")  # noqa: T201 - the report
    assert not wrong
    assert not unhelpful
    assert outcomes["shown"] >= FEWEST[package]
