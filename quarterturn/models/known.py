"""What is known of encoders without torch."""

from __future__ import annotations

from typing import Literal

EncoderName = Literal[
    "conv4", "resnet_small", "resnet_tiny", "resnet18", "resnet50", "mobilenet_v2"
]

#: At and below this resolution torchvision's ResNets get the small-image stem.
SMALL_IMAGE = 64
_WITH_SMALL_STEM = ("resnet18", "resnet50")
#: Of ImageNet's pixels, by which images for torchvision's and timm's weights are normalized.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TORCHVISION_NAMES = (*_WITH_SMALL_STEM, "mobilenet_v2")


def has_small_stem(name: str, resolution: int) -> bool:
    """Whether the encoder is a torchvision ResNet with the small-image stem."""
    return name in _WITH_SMALL_STEM and resolution <= SMALL_IMAGE
