"""What is asked for holds for the whole set, is kept with it, and makes another set of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quarterturn import load_policy
from quarterturn.data import CacheInfo, DatasetCache, IngestReport, ingest, open_cache
from quarterturn.data.asked import picture_options, stated
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.members import Member
from quarterturn.errors import InvalidInputError
from quarterturn.storage.folder import FolderStorage
from tests.data.drawn import bands01, distance, eight, file_of, shape01, tiff_of

COUNT = 24


def _read(
    files: list[bytes], folder: Path, **asked: str
) -> tuple[CacheInfo, IngestReport, DatasetCache]:
    caps = Caps(IngestLimits(min_images=20))
    members = [Member(f"{number}", data) for number, data in enumerate(files)]
    storage = FolderStorage(folder)
    info, report = ingest(members, caps, storage, 48, asked=picture_options(**asked))
    return info, report, open_cache(folder / "datasets" / info.digest)


def _dark(number: int) -> bytes:
    return file_of(np.round(shape01(number) * 40).astype(np.uint8), "PNG")


def _deep(number: int) -> bytes:
    return file_of(np.round(shape01(number) * 4095).astype(np.uint16), "PNG")


def _codes(report: IngestReport) -> dict[str, bool]:
    return {note.code: note.warning for note in report.notes}


def test_a_dark_set_gets_a_warning_and_a_window_helps(tmp_path: Path) -> None:
    files = [_dark(number) for number in range(COUNT)]
    plain, report, _ = _read(files, tmp_path)
    assert _codes(report)["dark"]
    assert plain.pictures.is_default
    for window in ("0:40", "p0.1:p99.9"):
        info, report, cache = _read(files, tmp_path, window=window)
        assert "dark" not in _codes(report)
        intensity = info.pictures.intensity
        assert intensity is not None
        assert intensity.of == "all"
        assert cache.images.max() > 200
        assert info.digest != plain.digest
        transform = load_policy({"views": [[]], "input": info.pictures.model_dump(mode="json")})
        values = np.round(shape01(3) * 40).astype(np.uint8)
        assert any(np.array_equal(transform(values), image[..., 0]) for image in cache.images)


def test_all_images_are_shown_alike(tmp_path: Path) -> None:
    files = [
        file_of(np.round(shape01(n) * 4095 * (n + 1) / COUNT).astype(np.uint16), "PNG")
        for n in range(COUNT)
    ]
    info, _, cache = _read(files, tmp_path)
    assert info.pictures.intensity is not None
    assert info.pictures.intensity.high == 4095
    brightness = sorted(float(image.mean()) for image in cache.images)
    assert brightness[0] < 15, "what is dark stays dark"
    assert brightness[-1] > 90


def test_a_mixed_set_leaves_8_bits_alone_and_says_so(tmp_path: Path) -> None:
    files = [_deep(n) for n in range(COUNT)] + [file_of(eight(shape01(900)), "PNG")]
    _, report, cache = _read(files, tmp_path, window="0:4095")
    assert _codes(report)["mixed_depths"]
    expected = np.repeat(eight(shape01(900))[..., None], 3, axis=2)
    assert any(np.array_equal(image, expected) for image in cache.images)


def test_percentiles_are_of_the_set(tmp_path: Path) -> None:
    info, _, _ = _read([_deep(n) for n in range(COUNT)], tmp_path, window="p10:p90")
    every = np.concatenate([np.round(shape01(n) * 4095).ravel() for n in range(COUNT)])
    intensity = info.pictures.intensity
    assert intensity is not None
    assert intensity.low == pytest.approx(np.percentile(every, 10), abs=3)
    assert intensity.high == pytest.approx(np.percentile(every, 90), abs=3)


def test_bands_and_fit(tmp_path: Path) -> None:
    files = [
        tiff_of(
            eight(np.roll(bands01(5), n, axis=0)), photometric="minisblack", planarconfig="contig"
        )
        for n in range(COUNT)
    ]
    info, report, cache = _read(files, tmp_path, bands="5,1,2", fit="pad")
    assert (info.pictures.bands, info.pictures.fit) == ([5, 1, 2], "pad")
    assert "bands" not in _codes(report)
    first = eight(bands01(5)[..., [4, 0, 1]])
    assert min(distance(image, first) for image in cache.images) == 0
    assert "bands" in _codes(_read(files, tmp_path)[1])
    wide = [file_of(np.hstack([eight(shape01(n))] * 2), "PNG") for n in range(COUNT)]
    assert "crop" in _codes(_read(wide, tmp_path)[1])
    assert "crop" not in _codes(_read(wide, tmp_path, fit="stretch")[1])


def test_few_levels_and_masks_get_warnings(tmp_path: Path) -> None:
    masks = [
        file_of(np.where(shape01(n) > 0.5, 3, 0).astype(np.uint8), "PNG") for n in range(COUNT)
    ]
    codes = _codes(_read(masks, tmp_path)[1])
    assert {"dark", "flat", "few_levels", "masks", "grey"} <= set(codes)
    assert codes["masks"]


def test_what_was_done_is_kept_and_can_be_done_again(tmp_path: Path) -> None:
    files = [_deep(number) for number in range(COUNT)]
    info, _, cache = _read(files, tmp_path)
    assert cache.info == info
    again = stated(info.pictures)
    assert str(again.window) == "0:4095"
    path = tmp_path / "datasets" / info.digest / "dataset.json"
    older = json.loads(path.read_text())
    del older["pictures"], older["grey"]
    path.write_text(json.dumps(older))
    assert open_cache(path.parent).info.pictures.is_default, "sets of before are plain"


def test_images_that_come_only_once_need_a_window(tmp_path: Path) -> None:
    caps = Caps(IngestLimits(min_images=20))
    members = [Member(f"{n}", _deep(n)) for n in range(COUNT)]
    with pytest.raises(InvalidInputError) as caught:
        ingest(iter(members), caps, FolderStorage(tmp_path), 48)
    assert caught.value.code == "intensity_range_needed"
    asked = picture_options("0:4095")
    info, _ = ingest(
        iter(members), Caps(IngestLimits(min_images=20)), FolderStorage(tmp_path), 48, asked=asked
    )
    assert info.images == COUNT
