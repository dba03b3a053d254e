"""What a user says of the intensity range: two values, or two percentiles of the whole set."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from quarterturn.errors import InvalidInputError

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WINDOW = re.compile(rf"\s*(p?)({_NUMBER})\s*:\s*(p?)({_NUMBER})\s*")


@dataclass(frozen=True)
class Window:
    """Values, or percentiles in 0..100, that become black and white."""

    low: float
    high: float
    percentiles: bool = False

    def __str__(self) -> str:
        sign = "p" if self.percentiles else ""
        return f"{sign}{self.low:g}:{sign}{self.high:g}"


def parse_window(text: str) -> Window:
    """Read `0:4095`, `-1000:2000` or `p0.1:p99.9`.

    Raises:
        InvalidInputError: `invalid_window`.
    """
    match = _WINDOW.fullmatch(text)
    if match and match[1] == match[3]:
        low, high, percentiles = float(match[2]), float(match[4]), match[1] == "p"
        inside = not percentiles or (low >= 0 and high <= 100)
        if low < high and inside and math.isfinite(low) and math.isfinite(high):
            return Window(low, high, percentiles)
    raise InvalidInputError(
        f"The window {text[:60]!r} is not understood. Write two sample values, low first, such as "
        "0:4095 or -1000:2000, or two percentiles of the whole set, such as p0.1:p99.9.",
        code="invalid_window",
    )
