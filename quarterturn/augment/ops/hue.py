"""Hue: a turn of the hue circle of HSV."""

from __future__ import annotations

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import clamp
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo

_f = np.float32


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    red, green, blue = images.unbind(1)
    value, lowest = images.amax(1), images.amin(1)
    chroma = value - lowest
    divisor = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sector = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor),
    )
    turned = sector + 6.0 * step.strength.view(-1, 1, 1)

    def channel(offset: float) -> torch.Tensor:
        distance = torch.remainder(turned + offset, 6.0)
        return value - chroma * torch.minimum(distance, 4.0 - distance).clamp_(0.0, 1.0)

    return torch.stack((channel(5.0), channel(3.0), channel(1.0)), 1)


@kernel
def _channel(turn, value, chroma):
    turn = turn - _f(6.0) * np.floor(turn * _f(1.0 / 6.0))
    return value - chroma * clamp(min(turn, _f(4.0) - turn))


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat, strength = image.reshape(-1), row[layout.STRENGTH]
    for i in range(flat.shape[0] // 3):
        r, g, b = flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]
        value, lowest = max(r, g, b), min(r, g, b)
        chroma = value - lowest
        inverse = _f(1.0) / (chroma if chroma > _f(0.0) else _f(1.0))
        sector = _f(4.0) + (r - g) * inverse
        sector = _f(2.0) + (b - r) * inverse if value == g else sector
        sector = (g - b) * inverse if value == r else sector
        turned = sector + _f(6.0) * strength
        flat[3 * i] = _channel(turned + _f(5.0), value, chroma)
        flat[3 * i + 1] = _channel(turned + _f(3.0), value, chroma)
        flat[3 * i + 2] = _channel(turned + _f(1.0), value, chroma)


@jit
def _triton_channel(turn, value, chroma):
    turn = turn - 6.0 * tl.floor(turn / 6.0)
    return value - chroma * triton_pixels.clamp(tl.minimum(turn, 4.0 - turn))


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    strength = tl.load(row + STRENGTH)
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        value = tl.maximum(tl.maximum(red, green), blue)
        chroma = value - tl.minimum(tl.minimum(red, green), blue)
        divisor = tl.where(chroma > 0.0, chroma, 1.0)
        other = tl.where(
            value == green, 2.0 + (blue - red) / divisor, 4.0 + (red - green) / divisor
        )
        turned = tl.where(value == red, (green - blue) / divisor, other) + 6.0 * strength
        red = _triton_channel(turned + 5.0, value, chroma)
        green = _triton_channel(turned + 3.0, value, chroma)
        blue = _triton_channel(turned + 1.0, value, chroma)
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "hue",
        "Turn the hue.",
        unit="fraction of the hue circle",
        limit=0.5,
        search_limit=0.2,
        signed=True,
        needs_color=True,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu),
)
