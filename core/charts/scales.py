"""From numbers to places, and round numbers for axes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Maps [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`, about so many."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def widened(values: Iterable[float], *, least: float, part: float = 0.06) -> tuple[float, float]:
    """The range of values with some air, at least `least` wide."""
    found = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(found), max(found)
    missing = max(0.0, least - (high - low)) / 2
    air = part * max(high - low, least)
    return low - missing - air, high + missing + air


def number(value: float) -> str:
    """A tick as text."""
    if value and abs(value) < 1e-3:
        return f"{value:.0e}"
    return f"{value:,.4g}".replace(",", " ") if abs(value) < 1e6 else f"{value:.3g}"


def time_unit(seconds: float) -> tuple[float, str]:
    """What to divide seconds by, and the unit's name, for a range that long."""
    if seconds > 3 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds > 240 else (1.0, "seconds")
