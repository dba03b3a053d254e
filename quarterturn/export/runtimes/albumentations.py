"""What an exported albumentations file brings along: the library's own pipeline as a view.

The library keeps generators of its own, which forked workers repeat from epoch to epoch; here each
call seeds them from torch's generator, so that workers and epochs of a DataLoader differ, and
`torch.set_rng_state` restores the draws. Give each rank of a distributed training its own seed.
"""

from __future__ import annotations

import random
from typing import Any

import albumentations
import numpy as np
import torch
from PIL import Image

from quarterturn.export.runtimes.entry import open_picture


def _checked(array: np.ndarray[Any, Any], colors: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """uint8 (h, w, c) of an array (h, w) or (h, w, c)."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"expected a PIL image or an array, got {type(array).__name__}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[0] <= 4 < min(array.shape[1:])):
        raise ValueError(f"expected one picture (h, w) or (h, w, c), got {array.shape}")
    if array.dtype != np.uint8:
        raise ValueError(f"expected uint8, got {array.dtype}; normalize after the policy")
    channels = array.shape[2] if array.ndim == 3 else 1
    if channels != 3 and colors:
        raise ValueError(
            f"{', '.join(colors)} need red, green and blue; the picture has {channels} "
            f"channel{'s' * (channels != 1)}"
        )
    return np.repeat(array[..., None], 3, 2) if array.ndim == 2 else array.copy()


class View:
    """One view: takes a PIL image or an array (h, w, 3) of uint8, and returns the same kind; with
    `image=array` a dictionary, as the library's transforms do.

    Args:
        document: the pipeline in the library's serialized form.
        colors: operations that need red, green and blue; without any, other channels will do.
        intensity: values of PIL images of more than 8 bits that are black and white.
    """

    def __init__(
        self,
        document: dict[str, Any],
        colors: tuple[str, ...] = (),
        intensity: tuple[float, float] | None = None,
    ) -> None:
        self.transform = albumentations.from_dict(document)
        self.colors = colors
        self.intensity = intensity

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, picture: Any = None, *, image: Any = None) -> Any:
        if image is not None:
            return {"image": self._array(image)}
        if isinstance(picture, Image.Image):
            opened = open_picture(picture, self.intensity).permute(1, 2, 0)
            return Image.fromarray(self._drawn(opened.contiguous().numpy()))
        return self._array(picture)

    def _array(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        done = self._drawn(_checked(array, self.colors))
        return done if array.ndim == 3 else done[..., 0]

    def _drawn(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        seed = int(torch.randint(2**31, ()))
        # Not set_random_seed: each operation would begin with the same numbers, and those that are
        # equally probable would be applied together.
        self.transform.set_random_state(np.random.default_rng(seed), random.Random(seed))
        done: np.ndarray[Any, Any] = self.transform(image=array)["image"]
        return done
