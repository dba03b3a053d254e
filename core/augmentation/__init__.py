"""The augmentation engine: one interpreter of policies for batches, on CPU or GPU."""

from core.augmentation.draws import Draws
from core.augmentation.interpreter import (
    augment,
    has_kernels,
    prepare_views,
    two_views,
    two_views_of_all,
)
from core.augmentation.table import Table

__all__ = [
    "Draws",
    "Table",
    "augment",
    "has_kernels",
    "prepare_views",
    "two_views",
    "two_views_of_all",
]
