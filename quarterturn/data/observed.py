"""What is seen of a set while it is decoded; parts seen by several processes add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.histogram import Histogram
from quarterturn.data.intensity import is_missing
from quarterturn.data.picture import Picture, Samples

_MAX_WINDOWS = 64
#: Pixels of a picture that are looked at for its levels.
_MAX_LEVEL_PIXELS = 4096
#: A picture of so few levels may be a mask of labels.
_MASK_LEVELS = 8
_GLANCE = 64

Pair = tuple[float, float]


@dataclass
class Observed:
    """Counts over the pictures of a set.

    Attributes:
        sides: how often each shorter side comes up, in pixels.
        lost: area that a central square leaves out, summed over pictures, each a fraction.
        plain, deep: pictures of 8 bits, and of other samples.
        colored: whether the channels of any picture differ.
        masks: pictures of a handful of levels, far apart.
        levels: int64 (256,), how often each level comes up in the decoded pictures.
        histogram: of samples: deep ones, and of others where percentiles are asked for.
        bits, without_bits: the widest range that files state, and how many state none.
        windows, without_window: the windows that files state, and how many state none.
        maps, signed: georeferenced ones, and ones of 16 signed bits, among the deep pictures.
        notes: how many pictures each note is about.
    """

    sides: Counter[int] = field(default_factory=Counter)
    lost: float = 0.0
    plain: int = 0
    deep: int = 0
    colored: bool = False
    masks: int = 0
    levels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    histogram: Histogram = field(default_factory=Histogram)
    bits: Pair | None = None
    without_bits: int = 0
    windows: Counter[Pair] = field(default_factory=Counter)
    without_window: int = 0
    maps: int = 0
    signed: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    _unlevelled: list[bytes] = field(default_factory=list)

    def picture(self, picture: Picture, *, measure_plain: bool = False) -> None:
        """See a picture as it is stored; its levels are seen once it is decoded."""
        width, height = picture.size
        self.sides[min(width, height)] += 1
        self.lost += 1 - min(width, height) / max(width, height)
        if picture.notes:
            self.notes.update(picture.notes)
        if isinstance(picture, Samples):
            self._samples(picture)
            return
        self.plain += 1
        if measure_plain:
            self.histogram.add(np.asarray(picture.image).ravel())

    def _samples(self, picture: Samples) -> None:
        self.deep += 1
        self.maps += picture.georeferenced
        self.signed += picture.values.dtype.kind == "i" and picture.values.dtype.itemsize == 2
        if picture.bits is None:
            self.without_bits += 1
        else:
            self._widen(picture.bits)
        if picture.window is None:
            self.without_window += 1
        elif picture.window in self.windows or len(self.windows) < _MAX_WINDOWS:
            self.windows[picture.window] += 1
        missing = is_missing(picture.values, picture.nodata)
        values = picture.values.ravel() if missing is None else picture.values[~missing]
        self.histogram.add(values)

    def _widen(self, bits: Pair) -> None:
        low, high = self.bits or bits
        self.bits = (min(low, bits[0]), max(high, bits[1]))

    def decoded(self, rgb: bytes, pixels: NDArray[np.uint8]) -> None:
        """See a decoded picture: its bytes at its own size, and its pixels (s, s, 3)."""
        step = 3 * max(1, len(rgb) // 3 // _MAX_LEVEL_PIXELS)
        red = rgb[::step]
        self._unlevelled.append(red)
        if len(set(red[:_GLANCE])) <= _MASK_LEVELS:  # nearly all have more at a glance
            self.masks += 1 < len(set(red)) <= _MASK_LEVELS
        if not self.colored:
            first = pixels[..., :1]
            self.colored = not np.array_equal(pixels, np.broadcast_to(first, pixels.shape))

    def count_levels(self) -> None:
        """Count the levels of what was decoded since the last time."""
        values = b"".join(self._unlevelled)
        # As a picture: NumPy would make eight bytes of each first.
        self.levels += Image.frombuffer("L", (len(values), 1), values, "raw", "L", 0, 1).histogram()
        self._unlevelled = []

    def merge(self, other: Observed) -> None:
        """See what another process saw."""
        self.sides.update(other.sides)
        self.windows.update(other.windows)
        self.notes.update(other.notes)
        self.histogram.merge(other.histogram)
        self.levels += other.levels
        self.colored |= other.colored
        if other.bits is not None:
            self._widen(other.bits)
        for name in (
            "lost",
            "plain",
            "deep",
            "masks",
            "without_bits",
            "without_window",
            "maps",
            "signed",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
