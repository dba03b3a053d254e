"""Encoders: images (n, 3, s, s), normalised, to pooled features (n, d)."""

from __future__ import annotations

import torch
from torch import nn

from quarterturn.models.known import SMALL_IMAGE


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut (the basic block of He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(y)) + self.shortcut(x))


class _Convolution(nn.Module):
    """A 3x3 convolution with its norm, and no shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.norm(self.conv(x)))


class SmallEncoder(nn.Module):
    """A 3x3 stem of stride 2 and three stages, made for a CPU and images of 24 to 64 pixels.

    Larger images pass one more halving per doubling, after the stem.
    """

    def __init__(self, width: int, dimension: int, resolution: int) -> None:
        super().__init__()
        self.dimension = dimension
        extra = [nn.AvgPool2d(2)] * max(0, (resolution // SMALL_IMAGE).bit_length() - 1)
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *extra,
            *self._stages(width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def _stages(self, width: int) -> list[nn.Module]:
        """Made after the stem, or a seed would give other weights."""
        raise NotImplementedError

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.layers(images)
        return features


class SmallResNet(SmallEncoder):
    """Three one-block stages of width, 2 width, 4 width."""

    def __init__(self, width: int, resolution: int) -> None:
        super().__init__(width, 4 * width, resolution)

    def _stages(self, width: int) -> list[nn.Module]:
        return [
            _Block(width, width, 1),
            _Block(width, 2 * width, 2),
            _Block(2 * width, 4 * width, 2),
        ]


class SmallConvNet(SmallEncoder):
    """Four convolutions of width, 2 width, 4 width, 8 width, with strides 2, 2, 2, 1.

    As Conv-4 of few-shot learning, but with strides for poolings and a width that doubles. On a
    CPU it learns more per second than the ResNets: see docs/engine.md.
    """

    def __init__(self, width: int, resolution: int) -> None:
        super().__init__(width, 8 * width, resolution)

    def _stages(self, width: int) -> list[nn.Module]:
        return [
            _Convolution(width, 2 * width, 2),
            _Convolution(2 * width, 4 * width, 2),
            _Convolution(4 * width, 8 * width, 1),
        ]


class TorchvisionEncoder(nn.Module):
    """A network of torchvision without its classifier."""

    def __init__(self, network: nn.Module, dimension: int) -> None:
        super().__init__()
        self.dimension = dimension
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.network(images)
        return features


class TorchvisionResNet(TorchvisionEncoder):
    """torchvision's resnet18 or resnet50.

    Up to 64 pixels with the small-image stem: 3x3 convolution of stride 1, no max-pool
    (SelfAugment's setting for CIFAR, arXiv 2009.07724).
    """

    def __init__(self, name: str, resolution: int) -> None:
        import torchvision

        network = torchvision.models.get_model(name, weights=None)
        dimension = int(network.fc.in_features)
        network.fc = nn.Identity()
        if resolution <= SMALL_IMAGE:
            network.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
            network.maxpool = nn.Identity()
        super().__init__(network, dimension)


class TorchvisionMobileNet(TorchvisionEncoder):
    """torchvision's mobilenet_v2: it halves an image five times, so it wants 96 pixels or more."""

    def __init__(self) -> None:
        import torchvision

        network = torchvision.models.mobilenet_v2(weights=None)
        network.classifier = nn.Identity()
        super().__init__(network, int(network.last_channel))


Encoder = SmallEncoder | TorchvisionEncoder


def build_encoder(name: str, resolution: int) -> Encoder:
    """A freshly initialised encoder; `dimension` is the width of its features."""
    if name == "resnet_small":
        return SmallResNet(32, resolution)
    if name == "resnet_tiny":
        return SmallResNet(16, resolution)
    if name == "conv4":
        return SmallConvNet(32, resolution)
    if name == "mobilenet_v2":
        return TorchvisionMobileNet()
    return TorchvisionResNet(name, resolution)


def train_norms_only(encoder: Encoder) -> None:
    """Leave only scale and shift of the batch norms to be trained (HPT-BN, arXiv 2103.12718).

    Their running statistics go on moving: they are no parameters.
    """
    encoder.requires_grad_(False)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(True)
