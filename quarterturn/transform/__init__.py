"""A policy as a callable for training code."""

from quarterturn.transform.checks import WrongImagesError
from quarterturn.transform.dataset import PolicyDataset
from quarterturn.transform.policy import PolicyTransform, load_policy

__all__ = ["PolicyDataset", "PolicyTransform", "WrongImagesError", "load_policy"]
