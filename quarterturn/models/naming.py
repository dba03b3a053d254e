"""Portable names: those of torchvision for its networks, our own for the small ones.

They do not depend on the resolution, so weights carry over between stages of different sizes.
Counters of batch norms are left out; torch fills them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import get_args

import torch
from torch import nn
from torch.nn import functional

from quarterturn.models.encoders import Encoder, TorchvisionEncoder, build_encoder
from quarterturn.models.header import Shape
from quarterturn.models.known import SMALL_IMAGE, EncoderName
from quarterturn.models.matching import resizable

ENCODERS: tuple[str, ...] = get_args(EncoderName)
#: Resolutions on either side of the small-image stem.
LARGE, SMALL = 4 * SMALL_IMAGE, SMALL_IMAGE // 2


class WeightsMismatchError(Exception):
    """Weights do not fit the encoder they are loaded into."""


def _names(encoder: Encoder) -> dict[str, str]:
    """Portable name of each entry of the encoder's state."""
    found: dict[str, str] = {}
    for name in encoder.state_dict():
        if name.endswith("num_batches_tracked"):
            continue
        if isinstance(encoder, TorchvisionEncoder):
            found[name] = name.removeprefix("network.")
        else:
            _, place, rest = name.split(".", 2)
            found[name] = f"{_parts(encoder)[place]}.{rest}"
    return found


def _parts(encoder: Encoder) -> dict[str, str]:
    """What each place of a small network is called; poolings shift the places."""
    layers = encoder.layers
    assert isinstance(layers, nn.Sequential)
    owning = [str(at) for at, layer in enumerate(layers) if any(True for _ in layer.parameters())]
    called = ["stem.conv", "stem.norm", *(f"stage{n}" for n in range(1, len(owning) - 1))]
    return dict(zip(owning, called, strict=True))


def portable_state(encoder: Encoder) -> dict[str, torch.Tensor]:
    """The encoder's tensors by portable name, float32 on the CPU."""
    state = encoder.state_dict()
    return {
        portable: state[name].detach().float().cpu().contiguous()
        for name, portable in _names(encoder).items()
    }


@lru_cache(maxsize=16)
def template(name: str, resolution: int) -> Mapping[str, Shape]:
    """Shapes of an encoder's tensors by portable name, without making any."""
    with torch.device("meta"):
        encoder = build_encoder(name, resolution)
    state = encoder.state_dict()
    return {portable: tuple(state[own].shape) for own, portable in _names(encoder).items()}


def _resized(kernel: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """A first convolution with other channels or another square kernel.

    One channel is spread over three, and a kernel is interpolated; both keep the answer to an
    image of one colour, which the batch norm after it then need not unlearn.
    """
    if kernel.shape[1] != shape[1]:
        kernel = kernel.expand(-1, shape[1], -1, -1) / shape[1]
    old, new = kernel.shape[2], shape[2]
    if old == new:
        return kernel
    size = (new, new)
    small = functional.interpolate(
        kernel, size, mode="bicubic", antialias=new < old, align_corners=False
    )
    total = small.sum((2, 3), keepdim=True)
    return small + (kernel.sum((2, 3), keepdim=True) - total) / new**2


@torch.no_grad()
def load_portable(encoder: Encoder, weights: Mapping[str, torch.Tensor]) -> list[str]:
    """Put weights into an encoder, in place.

    Returns:
        Portable names of the tensors that were resized.

    Raises:
        WeightsMismatchError: a tensor is missing or does not fit; nothing was changed.
    """
    state = encoder.state_dict()
    fresh: dict[str, torch.Tensor] = {}
    resized: list[str] = []
    for own, name in _names(encoder).items():
        if name not in weights:
            raise WeightsMismatchError(f"{name} is missing")
        given, wanted = weights[name], state[own].shape
        if given.shape != wanted:
            if not resizable(name, tuple(given.shape), tuple(wanted)):
                raise WeightsMismatchError(
                    f"{name} is {list(given.shape)}, the encoder needs {list(wanted)}"
                )
            given = _resized(given, wanted)
            resized.append(name)
        fresh[own] = given
    for own, given in fresh.items():
        state[own].copy_(given)
    return resized
