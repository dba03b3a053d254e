"""The intensity range of a set, from what was seen of all of it."""

from __future__ import annotations

from quarterturn.data.histogram import Histogram
from quarterturn.data.observed import Observed
from quarterturn.data.window import Window
from quarterturn.policy.pictures import IntensityRange, RangeSource

#: Ends of a set without outliers, such as hot pixels and burnt-in marks.
ROBUST = Window(0.1, 99.9, percentiles=True)
#: A stated range is believed if the samples take up this much of it.
_USED = 1 / 8
#: Resampling leaves a little beyond the ends of 0 to 1.
_OVERSHOOT = 0.02
_DEPTHS = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 16, 24, 32))
#: A sample of 16 signed bits has 15 for its size.
_SIGNED_DEPTHS = tuple(2.0**bits - 1 for bits in (8, 10, 12, 14, 15))
#: Of floats: 0 to 1, -1 to 1, and those of eight bits if they need them.
_FLOATS: tuple[tuple[float, float, RangeSource], ...] = (
    (0.0, 1.0, "unit"),
    (-1.0, 1.0, "unit"),
    (0.0, 255.0, "depth"),
)
#: Of Hounsfield units: below fat there are air and lungs, which hardly any picture is without.
_AIR, _FAT, _BONE = -1024.0, -200.0, 2000.0
_REFLECTANCES = (255.0, 10_000.0, 65_535.0)


def _between(histogram: Histogram, window: Window, *, of_all: bool) -> IntensityRange:
    low, high = histogram.percentile(window.low), histogram.percentile(window.high)
    if not low < high:
        low, high = histogram.lowest, histogram.highest
    if not low < high:  # one value, or none: black
        low = low if abs(low) < 1e30 else 0.0
        high = low + max(1.0, abs(low))
    return IntensityRange(low=low, high=high, of="all" if of_all else "deep", source="percentiles")


def _is_used(histogram: Histogram, low: float, high: float) -> bool:
    span = histogram.percentile(ROBUST.high) - histogram.percentile(ROBUST.low)
    return span >= (high - low) * _USED


def _depth(observed: Observed) -> tuple[float, float, RangeSource] | None:
    histogram = observed.histogram
    low, top = histogram.percentile(ROBUST.low), histogram.percentile(ROBUST.high)
    if not histogram.whole:
        for first, last, source in _FLOATS:
            over = _OVERSHOOT * last
            inside = low >= first - over and top <= last + over
            if inside and (source == "unit" or top > last / 2):
                return first, last, source
        return None
    if histogram.lowest < 0:
        like_ct = _AIR <= low <= _FAT and top <= _BONE and not observed.maps
        return (-1000.0, _BONE, "hounsfield") if like_ct else None
    of_maps = observed.maps == observed.deep
    depths = _SIGNED_DEPTHS if observed.signed == observed.deep else _DEPTHS
    for high in _REFLECTANCES if of_maps else depths:
        if top <= high:
            return 0.0, high, "reflectance" if of_maps and high == 10_000.0 else "depth"
    return None


def _stated(observed: Observed) -> tuple[float, float, RangeSource] | None:
    if len(observed.windows) == 1 and not observed.without_window:
        return (*next(iter(observed.windows)), "voi")
    if observed.bits is not None and not observed.without_bits:
        return (*observed.bits, "bits")
    return None


def choose_range(observed: Observed, asked: Window | None) -> IntensityRange | None:
    """The range for all images of a set; None where all have 8 bits and nothing was asked for.

    In this order: what was asked for, the window that all files state alike, the bits that they
    state, the bits that their values need, and percentiles of all samples. The middle three are
    taken only if the samples use an eighth of them: a 12-bit picture in a file of 16 bits does not.
    """
    of_all = not observed.deep
    if asked is not None:
        if asked.percentiles:
            return _between(observed.histogram, asked, of_all=of_all)
        return IntensityRange(
            low=asked.low, high=asked.high, of="all" if of_all else "deep", source="window"
        )
    if of_all:
        return None
    for found in (_stated(observed), _depth(observed)):
        if found is None:
            continue
        low, high, source = found
        if source == "voi" or _is_used(observed.histogram, low, high):
            return IntensityRange(low=low, high=high, source=source)
    return _between(observed.histogram, ROBUST, of_all=False)
