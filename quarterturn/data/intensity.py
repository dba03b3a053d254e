"""From samples of any type to 8 bits by one intensity range: the only place that does it.

The search, `load_policy` and whatever else decodes call `to_uint8`, so all see the same picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterturn.errors import InvalidInputError
from quarterturn.policy.pictures import IntensityRange

_ROWS = 256  # of wide samples at a time, which bounds the memory
#: No data in files of floats: what is written for "nothing here" is as large as floats get.
_ABSURD = 1e30


def is_eight_bit(samples: NDArray[np.generic]) -> bool:
    """Samples that are pictures already: bytes, and bilevel ones."""
    return samples.dtype in (np.uint8, np.bool_)


def is_missing(samples: NDArray[np.generic], nodata: float | None) -> NDArray[np.bool_] | None:
    """Where there is no value, or None if there is one everywhere."""
    missing = None
    if samples.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            missing = ~(np.abs(samples) < _ABSURD)
    if nodata is not None and np.isfinite(nodata):
        equal = samples == samples.dtype.type(nodata) if _fits(samples, nodata) else None
        if equal is not None:
            missing = equal if missing is None else missing | equal
    return missing if missing is not None and missing.any() else None


def _fits(samples: NDArray[np.generic], value: float) -> bool:
    if samples.dtype.kind not in "iu":
        return True
    low, high = _limits(samples)
    return low <= value <= high and value == int(value)


def _scaled(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    parts = (np.asarray(values, np.float64) - low) * (255.0 / (high - low))
    parts = np.nan_to_num(parts, nan=0.0, posinf=255.0, neginf=0.0)
    return np.floor(parts.clip(0.0, 255.0) + 0.5).astype(np.uint8)


def _limits(samples: NDArray[np.generic]) -> tuple[int, int]:
    """The lowest and highest integer of the type."""
    bits = 8 * samples.dtype.itemsize
    if samples.dtype.kind == "u":
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _looked_up(samples: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    first, last = _limits(samples)
    table = _scaled(np.arange(first, last + 1), low, high)
    return table[samples.astype(np.int32) - first]


def to_uint8(
    samples: NDArray[np.generic],
    intensity: IntensityRange | None,
    *,
    inverted: bool = False,
    nodata: float | None = None,
) -> NDArray[np.uint8]:
    """Map samples to 0..255.

    Args:
        samples: integers or floats of any shape; complex numbers are refused.
        intensity: the range; it may be None for 8-bit samples only.
        inverted: the highest sample is black (DICOM's MONOCHROME1, TIFF's WhiteIsZero).
        nodata: the value of pixels without one; these, NaN and infinities become 0.

    Raises:
        InvalidInputError: `intensity_range_needed`; there is no range for these samples.
    """
    if samples.dtype == np.bool_:
        return np.where(samples, 255, 0).astype(np.uint8)
    if samples.dtype == np.uint8 and (intensity is None or intensity.of == "deep"):
        return 255 - samples if inverted else samples.view()  # type: ignore[return-value]
    if intensity is None:
        raise InvalidInputError(
            f"Samples of type {samples.dtype} need an intensity range: which value is black and "
            "which white. Give a window such as 0:4095.",
            code="intensity_range_needed",
        )
    if samples.dtype.kind in "iu" and samples.dtype.itemsize <= 2:
        result = _looked_up(samples, intensity.low, intensity.high)
    else:
        result = np.empty(samples.shape, np.uint8)
        for start in range(0, len(samples), _ROWS):
            part = slice(start, start + _ROWS)
            result[part] = _scaled(samples[part], intensity.low, intensity.high)
    if inverted:
        result = 255 - result
    missing = is_missing(samples, nodata)
    if missing is not None:
        result[missing] = 0
    return result
