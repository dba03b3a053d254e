"""Items of Python datasets: which part is the image, and whether it has more than 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from quarterturn.data.asked import PictureOptions
from quarterturn.data.formats.pillow import DEEP_MODES

#: What Hugging Face datasets call the column of images.
_COLUMNS = ("image", "img", "pixel_values", "jpg", "jpeg", "png", "webp")
#: Whole numbers that are samples as scanners and cameras store them.
_DEEP = (np.uint16, np.int16, np.uint32, np.int32)


def _may_be_image(value: Any) -> bool:
    shaped = len(getattr(value, "shape", ())) in (2, 3)
    encoded = isinstance(value, dict) and "bytes" in value
    return isinstance(value, Image.Image | bytes) or shaped or encoded


def image_of(item: Any) -> Any:
    """Of a pair (image, label) or of a row of columns the image."""
    if isinstance(item, dict) and "bytes" not in item:
        columns = [name for name in _COLUMNS if name in item]
        columns += [name for name, value in item.items() if _may_be_image(value)]
        return item[columns[0]] if columns else item
    return item[0] if isinstance(item, tuple | list) and item else item


def file_in(item: Any) -> bytes | Path | None:
    """The bytes or the path of a file, where an item is one: as it is, or as Hugging Face datasets
    give images that they do not decode.
    """
    item = image_of(item)
    if isinstance(item, dict):
        item = item.get("bytes") or item.get("path")
    if isinstance(item, str):
        return Path(item)
    return item if isinstance(item, bytes | Path) else None


def to_samples(item: Any) -> NDArray[Any] | None:
    """(h, w) or (h, w, c) of an array, a tensor (c, h, w) or a PIL image of more than 8 bits."""
    item = image_of(item)
    if isinstance(item, Image.Image):
        return np.asarray(item) if item.mode in DEEP_MODES else None
    if hasattr(item, "detach") and hasattr(item, "numpy"):
        values: NDArray[Any] = item.detach().cpu().numpy()
        return np.moveaxis(values, 0, -1) if values.ndim == 3 else values
    return item if isinstance(item, np.ndarray) else None


def is_deep(samples: NDArray[Any], asked: PictureOptions) -> bool:
    """Whether samples need an intensity range, or bands are to be chosen of them.

    Floats are taken as such only where a window is asked for: without one they lie in [0, 1].
    """
    if samples.ndim not in (2, 3) or samples.dtype.kind not in "biuf":
        return False
    many = asked.bands is not None and samples.ndim == 3
    windowed = asked.window is not None and samples.dtype != np.uint8
    return many or windowed or samples.dtype in _DEEP
