"""What a dataset looks like: a sample of its images, and the mean image in four rotations."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core.previews.grid import cell_of, grid
from quarterturn.data.cache import DatasetCache

#: More images change no pixel of a mean that anybody could see.
_MEAN_OF = 4000
_CELL = 80


def some_images(cache: DatasetCache, count: int, page: int = 0) -> np.ndarray:
    """uint8 (count, s, s, 3) of the pretraining images; they lie in the order of their digests,
    which is as good as random. A page too far begins again.
    """
    images = cache.split("pretrain")
    places = (np.arange(count) + page * count) % len(images)
    return np.asarray(images[places])


def sample_sheet(cache: DatasetCache, columns: int, rows: int, page: int = 0) -> bytes:
    """PNG of `columns` x `rows` images."""
    pictures = [Image.fromarray(image) for image in some_images(cache, columns * rows, page)]
    parts = [pictures[at::columns] for at in range(columns)]
    return grid(parts, cell_of(cache.info.resolution, _CELL))


def mean_image(cache: DatasetCache) -> np.ndarray:
    """uint8 (s, s, 3), the mean of the images."""
    step = max(1, cache.info.images // _MEAN_OF)
    mean = np.asarray(cache.images[::step]).mean(0)
    rounded: np.ndarray = mean.round().astype(np.uint8)
    return rounded


def mean_turns(cache: DatasetCache) -> bytes:
    """PNG of the mean image turned by 0, 90, 180 and 270 degrees counter-clockwise."""
    mean = mean_image(cache)
    columns = [[Image.fromarray(np.rot90(mean, turn).copy())] for turn in range(4)]
    return grid(columns, cell_of(cache.info.resolution, 112))
