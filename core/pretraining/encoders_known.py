"""What is known of encoders without torch."""

from __future__ import annotations

#: At and below this resolution torchvision's networks get the small-image stem.
SMALL_IMAGE = 64
TORCHVISION_NAMES = ("resnet18", "resnet50")


def has_small_stem(name: str, resolution: int) -> bool:
    """Whether the encoder is a torchvision network with the small-image stem."""
    return name in TORCHVISION_NAMES and resolution <= SMALL_IMAGE
