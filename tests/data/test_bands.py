"""Satellites and drones: any number of bands, any type, both layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quarterturn.data.asked import parse_bands, picture_options
from quarterturn.errors import InvalidInputError
from tests.data.drawn import bands01, distance, eight, refusal, shown, tiff_of

#: What makes a TIFF a map.
MAP = [(33550, "d", 3, (10.0, 10.0, 0.0), True), (33922, "d", 6, (0.0,) * 6, True)]
TYPES = {np.uint8: 255, np.uint16: 65535, np.int16: 9000, np.float32: 1.0}


def _file(values: np.ndarray, planar: bool, **options: Any) -> bytes:
    if planar and values.ndim == 3:
        return tiff_of(np.moveaxis(values, 2, 0), planarconfig="separate", **options)
    return tiff_of(values, planarconfig="contig" if values.ndim == 3 else None, **options)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 13])
def test_the_first_three_bands_of_any(count: int, kind: type, planar: bool) -> None:
    picture, top = bands01(count), TYPES[kind]
    picture = picture if count > 1 else picture[..., 0]
    values = (picture * top).astype(kind) if kind is np.float32 else np.round(picture * top)
    data = _file(values.astype(kind), planar, photometric="minisblack")
    first = picture if count == 1 else picture[..., 0]
    expected = eight(picture[..., :3] if count >= 3 else first)
    window = None if kind is np.uint8 else f"0:{top}"
    assert distance(shown(data, window)[0], expected) < 1


@pytest.mark.parametrize("planar", [False, True])
def test_chosen_bands(planar: bool) -> None:
    picture = bands01(13)
    data = _file(np.round(picture * 10_000).astype(np.uint16), planar, extratags=MAP)
    assert distance(shown(data, bands="4,3,2")[0], eight(picture[..., [3, 2, 1]])) < 1
    assert distance(shown(data, bands="8")[0], eight(picture[..., 7])) < 1
    error = refusal(data, picture_options(bands="14"))
    assert error.reason == "no_such_band"
    assert "has 13 bands" in error.message


def test_near_infrared_marked_as_alpha_is_not_blended() -> None:
    picture = bands01(4)
    data = _file(
        eight(picture), False, photometric="rgb", extrasamples=["unassalpha"], extratags=MAP
    )
    assert distance(shown(data)[0], eight(picture[..., :3])) == 0
    cut = eight(picture)
    cut[..., 3] = 255
    cut[:10, :, 3] = 0
    mask = _file(cut, False, photometric="rgb", extrasamples=["unassalpha"], extratags=MAP)
    assert (shown(mask)[0][:10] == 128).all(), "transparency that is all or nothing is one"


@pytest.mark.parametrize("planar", [False, True])
def test_rgb_of_sixteen_bits(planar: bool) -> None:
    picture = bands01(3)
    for bits in (12, 16):
        values = np.round(picture * (2**bits - 1)).astype(np.uint16)
        data = _file(values, planar, photometric="rgb")
        assert distance(shown(data)[0], eight(picture)) < 1


def test_bands_are_parsed() -> None:
    assert parse_bands("4,3,2") == (4, 3, 2)
    assert parse_bands(" 1 ") == (1,)
    for wrong in ("", "0", "1,2", "1,2,3,4", "a", "-1", "1,,2"):
        with pytest.raises(InvalidInputError, match="bands"):
            parse_bands(wrong)
