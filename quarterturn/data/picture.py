"""What readers of formats give: pictures as their files store them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Plain:
    """A picture of 8 bits, RGB and upright; `label` tells pictures of one file apart.

    `notes` are codes of `quarterturn.data.notes`: what was decided that nobody asked for. `scale`
    is by how much it was made smaller while it was decoded.
    """

    image: Image.Image
    label: str = ""
    notes: tuple[str, ...] = ()
    scale: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the file, up to rounding."""
        return self.image.width * self.scale, self.image.height * self.scale


@dataclass(frozen=True)
class Samples:
    """A picture whose samples need an intensity range.

    Attributes:
        values: (h, w) or (h, w, 3) of integers or floats, as stored, the bands chosen.
        bits: the lowest and highest value that the file says its samples can have.
        window: the values that the file says are shown as black and white.
        inverted: the highest value is black.
        nodata: the value of pixels without one.
        georeferenced: a map: whole samples up to 10,000 are reflectances.
        alpha: uint8 (h, w); what is transparent shows the background.
    """

    values: NDArray[np.generic]
    label: str = ""
    notes: tuple[str, ...] = ()
    bits: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    inverted: bool = False
    nodata: float | None = None
    georeferenced: bool = False
    alpha: NDArray[np.uint8] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.values.shape[1], self.values.shape[0]


Picture = Plain | Samples
