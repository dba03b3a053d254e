"""One range for a whole set: found, asked for, and the same for every image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterturn.data.choose_range import choose_range
from quarterturn.data.histogram import MAX_VALUES, Histogram
from quarterturn.data.intensity import to_uint8
from quarterturn.data.observed import Observed
from quarterturn.data.picture import Samples
from quarterturn.data.window import Window, parse_window
from quarterturn.errors import InvalidInputError
from quarterturn.policy.pictures import IntensityRange
from tests.data.drawn import distance, eight, file_of, shape01, shown, tiff_of

VALUES = st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=200)


def _seen(*values: np.ndarray, **facts: object) -> Observed:
    observed = Observed()
    for picture in values:
        observed.picture(Samples(picture, **facts))  # type: ignore[arg-type]
    return observed


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "tifffile"])
def test_samples_of_fewer_bits_in_files_of_sixteen(bits: int, kind: str) -> None:
    picture = shape01(bits)
    values = np.round(picture * (2**bits - 1)).astype(np.uint16)
    data = tiff_of(values) if kind == "tifffile" else file_of(values, kind)
    assert distance(shown(data)[0], eight(picture)) < 1


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64])
def test_samples_of_any_type_by_a_window(kind: type) -> None:
    picture = shape01(3)
    values = (picture * 3000).astype(kind)
    assert distance(shown(tiff_of(values), "0:3000")[0], eight(picture)) < 1


def test_signed_bytes_and_values_are_neither_clipped_nor_wrapped() -> None:
    picture = shape01(4)
    for values in (
        np.round(picture * 255 - 128).astype(np.int8),
        np.round(picture * 3000 - 1500).astype(np.int16),
    ):
        result = shown(tiff_of(values))[0][..., 0].astype(float)
        assert np.corrcoef(result.ravel(), picture.ravel())[0, 1] > 0.99
        assert np.ptp(result) > 200


def test_white_is_zero_is_inverted_within_the_range() -> None:
    picture = shape01(5)
    values = np.round((1 - picture) * 4095).astype(np.uint16)
    data = tiff_of(values, photometric="miniswhite")
    assert distance(shown(data)[0], eight(picture)) < 1


def test_dim_samples_keep_their_levels() -> None:
    values = np.round(100 + 500 * shape01(6)).astype(np.uint16)
    assert len(np.unique(shown(tiff_of(values))[0])) > 50


def test_floats_without_numbers_and_with_nodata() -> None:
    picture = shape01(7)
    values = picture.astype(np.float32)
    values[:4], values[4:8] = np.nan, -3.4e38
    result = shown(tiff_of(values))[0]
    assert (result[:8] == 0).all()
    assert distance(result[8:], eight(picture)[8:]) < 1
    whole = np.round(picture * 4000).astype(np.int16)
    whole[:8] = -9999
    tag = (42113, "s", 0, "-9999", True)
    result = shown(tiff_of(whole, extratags=[tag]))[0]
    assert (result[:8] == 0).all()
    assert result[8:].mean() > 60


def test_hot_pixels_do_not_darken_a_set() -> None:
    pictures = [np.round(shape01(seed) * 1000).astype(np.uint16) for seed in range(5)]
    for picture in pictures:
        picture[0, 0] = 65535
    chosen = choose_range(_seen(*pictures), None)
    assert chosen is not None
    assert chosen.high == 1023


def test_a_stated_range_is_believed_where_it_is_used() -> None:
    values = np.round(shape01(1) * 900).astype(np.uint16)
    assert choose_range(_seen(values, bits=(0.0, 4095.0)), None).high == 4095  # type: ignore[union-attr]
    assert choose_range(_seen(values, bits=(0.0, 65535.0)), None).high == 1023  # type: ignore[union-attr]
    same = choose_range(_seen(values, values, window=(100.0, 800.0)), None)
    assert (same.low, same.high, same.source) == (100, 800, "voi")  # type: ignore[union-attr]
    other = _seen(values, window=(100.0, 800.0))
    other.merge(_seen(values, window=(0.0, 500.0)))
    assert choose_range(other, None).source != "voi"  # type: ignore[union-attr]


def test_maps_are_reflectances() -> None:
    values = np.round(shape01(2) * 9000).astype(np.uint16)
    chosen = choose_range(_seen(values, georeferenced=True), None)
    assert chosen is not None
    assert (chosen.high, chosen.source) == (10_000, "reflectance")


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_hounsfield_units_are_shown_from_air_to_bone(kind: type) -> None:
    """Whatever part of the body a set shows."""
    for low, high in ((-1000, 2000), (-900, 800), (-300, 1400)):
        values = np.round(low + (high - low) * (shape01(3) - 0.15) / 0.7).astype(kind)
        chosen = choose_range(_seen(values), None)
        assert chosen is not None
        assert (chosen.low, chosen.high, chosen.source) == (-1000, 2000, "hounsfield")


@pytest.mark.parametrize(("low", "high"), [(-20, 1400), (-2000, 1400), (-1000, 9000), (-400, -100)])
def test_other_signed_values_are_no_hounsfield_units(low: int, high: int) -> None:
    values = np.round(low + (high - low) * shape01(3)).astype(np.int16)
    values[0] = low
    assert choose_range(_seen(values), None).source == "percentiles"  # type: ignore[union-attr]
    assert choose_range(_seen(values, georeferenced=True), None).source == "percentiles"  # type: ignore[union-attr]


@given(VALUES, VALUES)
def test_a_range_does_not_depend_on_order_and_maps_alike(
    first: list[int], second: list[int]
) -> None:
    one, two = (np.array(values, np.int16).reshape(1, -1) for values in (first, second))
    chosen, other = choose_range(_seen(one, two), None), choose_range(_seen(two, one), None)
    assert chosen == other
    for values in (one, two):
        as_wide = to_uint8(values.astype(np.float64), chosen)
        assert np.array_equal(to_uint8(values, chosen), as_wide), "the type changes nothing"
        order = np.argsort(values[0], kind="stable")
        assert (np.diff(as_wide[0][order].astype(int)) >= 0).all()


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=300))
def test_percentiles_are_those_of_numpy(values: list[float]) -> None:
    histogram = Histogram()
    half = len(values) // 2
    for part in (values[:half], values[half:]):
        other = Histogram()
        other.add(np.array(part, np.float32))
        histogram.merge(other)
    for percent in (0.0, 0.1, 50.0, 99.9, 100.0):
        expected = np.percentile(np.array(values, np.float32), percent, method="inverted_cdf")
        assert histogram.percentile(percent) == pytest.approx(float(expected))


def test_a_histogram_is_bounded_and_keeps_its_precision() -> None:
    values = np.random.default_rng(0).normal(1000, 50, 2 * MAX_VALUES)
    histogram = Histogram()
    for part in np.array_split(values, 7):
        histogram.add(part)
    assert len(histogram.keys) <= MAX_VALUES
    assert histogram.percentile(99) == pytest.approx(np.percentile(values, 99), abs=0.5)


def test_windows_are_parsed() -> None:
    assert parse_window("0:4095") == Window(0, 4095)
    assert parse_window(" -1000 : 2e3 ") == Window(-1000, 2000)
    assert parse_window("p0.1:p99.9") == Window(0.1, 99.9, percentiles=True)
    for wrong in ("", "4095", "5:5", "9:1", "p1:99", "p-1:p99", "p1:p101", "0:1e999", "a:b"):
        with pytest.raises(InvalidInputError, match="window"):
            parse_window(wrong)


def test_eight_bits_stay_as_they_are_unless_all_are_asked_for() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    deep = IntensityRange(low=0, high=4095)
    assert np.array_equal(to_uint8(values, deep), values)
    every = IntensityRange(low=0, high=51, of="all")
    assert to_uint8(values, every).ravel()[:52].tolist() == list(range(0, 256, 5))
    with pytest.raises(InvalidInputError) as caught:
        to_uint8(values.astype(np.uint16), None)
    assert caught.value.code == "intensity_range_needed"
