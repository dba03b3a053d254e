"""The augmentation engine: policies applied to batches of images, on a CPU or a GPU."""

from quarterturn.augment.apply import augment, prepare_views, two_views, two_views_of_all
from quarterturn.augment.backends import has_kernels
from quarterturn.augment.packed_plan import PackedPlan
from quarterturn.augment.random_streams import RandomStreams

__all__ = [
    "PackedPlan",
    "RandomStreams",
    "augment",
    "has_kernels",
    "prepare_views",
    "two_views",
    "two_views_of_all",
]
