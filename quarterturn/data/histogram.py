"""How often each sample value comes up in a set: of any size, in bounded memory.

Values are kept as integers in their own order. When there are too many different ones they are
told apart less finely, by dropping their last bits; what is dropped depends on all values together
and not on the order in which they came, so neither do percentiles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAX_VALUES = 2**18
#: Looked at in one picture; more would not move a percentile.
_MAX_SAMPLES = 2**20

Ints = NDArray[np.int64]


def _keys(values: NDArray[np.float64]) -> Ints:
    """Integers in the order of the values."""
    bits = (values + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(2**63 - 1))


def _values(keys: Ints) -> NDArray[np.float64]:
    return (keys ^ ((keys >> 63) & np.int64(2**63 - 1))).view(np.float64)


def _merged(keys: Ints, counts: Ints) -> tuple[Ints, Ints]:
    distinct, places = np.unique(keys, return_inverse=True)
    totals = np.zeros(len(distinct), np.int64)
    np.add.at(totals, places, counts)
    return distinct, totals


@dataclass
class Histogram:
    """Counts of sample values; the smallest, the largest, and whether all are whole numbers."""

    keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    counts: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    shift: int = 0
    lowest: float = np.inf
    highest: float = -np.inf
    whole: bool = True

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def add(self, samples: NDArray[np.generic]) -> None:
        """Count samples, a 1-D array of finite numbers; of very many, evenly spread ones."""
        if not samples.size:
            return
        self.lowest = min(self.lowest, float(samples.min()))
        self.highest = max(self.highest, float(samples.max()))
        step = -(-samples.size // _MAX_SAMPLES)
        values, counts = np.unique(samples[::step], return_counts=True)
        if samples.dtype.kind == "f":
            self.whole &= bool((values == np.rint(values)).all())
        keys = _keys(values.astype(np.float64))
        self._take(keys, counts.astype(np.int64), 0)

    def merge(self, other: Histogram) -> None:
        """Count what another one counted."""
        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)
        self.whole &= other.whole
        self._take(other.keys, other.counts, other.shift)

    def _take(self, keys: Ints, counts: Ints, shift: int) -> None:
        common = max(shift, self.shift)
        ours = self.keys >> (common - self.shift)
        theirs = keys >> (common - shift)
        self.shift = common
        both = np.concatenate((ours, theirs)), np.concatenate((self.counts, counts))
        self.keys, self.counts = _merged(*both)
        while len(self.keys) > MAX_VALUES:
            self.shift += 1
            self.keys, self.counts = _merged(self.keys >> 1, self.counts)

    def percentile(self, percent: float) -> float:
        """The value below which so many percent of the samples lie; NaN without samples."""
        if not len(self.counts):
            return float("nan")
        reached = np.cumsum(self.counts)
        place = int(np.searchsorted(reached, percent / 100 * reached[-1], side="left"))
        key = self.keys[min(place, len(self.keys) - 1)]
        middle = (1 << self.shift) >> 1
        value = float(_values(np.array([(key << self.shift) + middle]))[0])
        return min(max(value, self.lowest), self.highest)
