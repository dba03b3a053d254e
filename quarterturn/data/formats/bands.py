"""Three of many bands, or one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quarterturn.data.unusable import UnusableImageError


def choose_bands(
    values: NDArray[np.generic], bands: tuple[int, ...] | None
) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    """Choose bands of (h, w, c); without a choice the first three, or the first of two.

    Returns:
        (h, w) or (h, w, 3), and notes.

    Raises:
        UnusableImageError: `no_such_band`.
    """
    count = values.shape[2]
    notes: tuple[str, ...] = ()
    if bands is None:
        bands = (1, 2, 3) if count >= 3 else (1,)
        if count not in (1, 3):
            notes = (f"bands:{count}",)
    if max(bands) > count:
        raise UnusableImageError(
            "no_such_band",
            f"has {count} bands, and band {max(bands)} was asked for; choose from 1 to {count}",
        )
    if len(bands) == 1:
        return values[:, :, bands[0] - 1], notes
    return values[:, :, [band - 1 for band in bands]], notes
