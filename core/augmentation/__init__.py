"""The augmentation engine: one interpreter of policies for batches, on CPU or GPU."""

from core.augmentation.draws import Draws
from core.augmentation.interpreter import augment, two_views, two_views_of_all

__all__ = ["Draws", "augment", "two_views", "two_views_of_all"]
