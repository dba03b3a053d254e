"""What is compared: the encoders of a search that suit a CPU, and designs that are none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

import torch
from torch import nn

from quarterturn.augment import RandomStreams
from quarterturn.models.encoders import Encoder, TorchvisionEncoder, _Block, build_encoder
from quarterturn.pretrain import hardware, trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.methods import build_method
from quarterturn.pretrain.optimising import optimizer_of
from quarterturn.pretrain.spec import PretrainingSpec

#: Width and stride of residual blocks.
Blocks = list[tuple[int, int]]


def _residual(kernel: int, stride: int, stem: int, blocks: Blocks) -> Encoder:
    """A stem and residual blocks; padded, but for patches that do not overlap."""
    padding = 0 if kernel == stride else kernel // 2
    layers: list[nn.Module] = [
        nn.Conv2d(3, stem, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(stem),
        nn.ReLU(),
    ]
    width = stem
    for outputs, halving in blocks:
        layers.append(_Block(width, outputs, halving))
        width = outputs
    return TorchvisionEncoder(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), width)


#: Designs that no search offers. Residual ones have wide early strides; all widths are multiples of
#: 32, as bf16 wants them.
DESIGNS: dict[str, Callable[[], Encoder]] = {
    "early": lambda: _residual(3, 2, 32, [(64, 2), (128, 2)]),
    "early_wide": lambda: _residual(3, 2, 32, [(64, 2), (128, 2), (256, 2)]),
    "stride4": lambda: _residual(7, 4, 32, [(32, 1), (64, 1), (128, 2)]),
    "stride4_wide": lambda: _residual(7, 4, 64, [(64, 1), (128, 2), (256, 2)]),
    "patch4": lambda: _residual(4, 4, 64, [(64, 1), (128, 2)]),
}


def split_name(side: str) -> tuple[str, bool]:
    """The design of a side such as `resnet_tiny fp32`, and whether it is to be trained in fp32."""
    name, _, precision = side.partition(" ")
    return name, precision == "fp32"


@contextmanager
def precision(side: str) -> Iterator[None]:
    """What the machine offers, or fp32 as on one without fast bf16."""
    if not split_name(side)[1]:
        yield
        return
    with mock.patch.object(hardware, "has_fast_bfloat16", return_value=False):
        yield


def build(side: str, resolution: int) -> Encoder:
    """A fresh encoder of a side."""
    name, _ = split_name(side)
    return DESIGNS[name]() if name in DESIGNS else build_encoder(name, resolution)


def start(
    side: str, spec: PretrainingSpec, data: TrialData, resolution: int, seed: int
) -> trainer.Run:
    """`trainer.start` for any side."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(RandomStreams(seed).generator("weights").initial_seed())
        method = build_method(spec, build(side, resolution), len(data.pretrain))
    method = method.to(memory_format=torch.channels_last)
    return trainer.Run(method, optimizer_of(method, spec), 0, [])
