"""The augmentation engine: one interpreter of policies for batches, on CPU or GPU."""

from quarterturn.augment.draws import Draws
from quarterturn.augment.interpreter import (
    augment,
    has_kernels,
    prepare_views,
    two_views,
    two_views_of_all,
)
from quarterturn.augment.table import Table

__all__ = [
    "Draws",
    "Table",
    "augment",
    "has_kernels",
    "prepare_views",
    "two_views",
    "two_views_of_all",
]
