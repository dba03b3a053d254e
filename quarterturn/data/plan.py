"""How the files of a set are decoded: settled once all of them have been seen."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from quarterturn.data.asked import PictureOptions
from quarterturn.data.choose_range import choose_range
from quarterturn.data.observed import Observed
from quarterturn.policy.pictures import IntensityRange, Pictures


@dataclass(frozen=True)
class DecodePlan:
    """The working resolution in pixels, and how samples become pictures.

    Without an intensity range pictures that need one are seen only. `measure_plain` has samples
    of 8 bits counted too, for percentiles of them.
    """

    resolution: int
    pictures: Pictures = field(default_factory=Pictures)
    measure_plain: bool = False


def automatic_resolution(sides: list[int] | Counter[int]) -> int:
    """Working resolution for images with these shorter sides: the median, from 24 to 64 pixels."""
    every = sides.elements() if isinstance(sides, Counter) else sides
    known = list(every)
    median = int(statistics.median(known)) if known else 32
    return max(24, min(64, median // 4 * 4))


def first_plan(asked: PictureOptions, resolution: int) -> DecodePlan:
    """The plan before anything but a few sizes is known."""
    window = asked.window
    intensity = None
    if window is not None and not window.percentiles:
        intensity = IntensityRange(low=window.low, high=window.high)
    bands = list(asked.bands) if asked.bands else None
    return DecodePlan(
        resolution,
        Pictures(intensity=intensity, bands=bands, fit=asked.fit),
        measure_plain=window is not None and window.percentiles,
    )


def settled_plan(
    before: DecodePlan, asked: PictureOptions, resolution: int | None, observed: Observed
) -> DecodePlan:
    """The plan for all that was seen; the same as before where that was right."""
    intensity = choose_range(observed, asked.window)
    if resolution is None:
        resolution = automatic_resolution(observed.sides)
    pictures = before.pictures.model_copy(update={"intensity": intensity})
    return DecodePlan(resolution, pictures, before.measure_plain)
