"""Without optional packages everyday files are read, and others say what to install."""

from __future__ import annotations

import sys
import tomllib

import numpy as np
import pytest

from tests.data.drawn import bands01, distance, eight, file_of, refusal, shape01, shown, tiff_of
from tests.data.test_medical import dicom_of, nifti_of
from tests.docs.texts import ROOT

OPTIONAL = ("pydicom", "nibabel", "tifffile", "imagecodecs", "pillow_heif", "zstandard", "pyarrow")
DEEP = np.round(shape01(1) * 4095).astype(np.uint16)
FILES = {
    "DICOM": (dicom_of(DEEP, BitsStored=12), "medical"),
    "NIfTI": (nifti_of(DEEP.astype(np.int16)[..., None]), "medical"),
    "13 bands": (
        tiff_of(eight(bands01(13)), photometric="minisblack", planarconfig="contig"),
        "tiff",
    ),
    "parquet": (b"PAR1" + b"\0" * 100, "parquet"),
    "HEIC": (b"\0\0\0\x18ftypheic" + b"\0" * 100, "heic"),
}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", FILES)
def test_the_extra_is_named(name: str) -> None:
    data, extra = FILES[name]
    error = refusal(data)
    assert error.reason == "needs_extra"
    assert f"quarterturn[{extra}]" in error.message


@pytest.mark.usefixtures("bare")
def test_files_that_need_none_are_read() -> None:
    for kind in ("PNG", "TIFF"):
        assert distance(shown(file_of(DEEP, kind))[0], eight(shape01(1))) < 1
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF", "TIFF"):
        assert len(shown(file_of(eight(shape01(2)), kind))) == 1


def test_the_extras_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"medical", "tiff", "heic", "pictures"} <= set(project["optional-dependencies"])
