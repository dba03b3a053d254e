"""Gaussian noise: standard normal noise times the strength, added and clamped."""

from __future__ import annotations

import torch

from quarterturn.augment import layout
from quarterturn.augment.kernels import triton_pixels
from quarterturn.augment.kernels.compile import kernel
from quarterturn.augment.kernels.language import STRENGTH, jit, tl
from quarterturn.augment.kernels.pixels import clamp
from quarterturn.augment.kernels.torch_pixels import per_image
from quarterturn.augment.ops.operation import Operation, PixelKernel, StepArguments
from quarterturn.policy.operations import OperationInfo


def torch_ref(images: torch.Tensor, step: StepArguments) -> torch.Tensor:
    return (images + per_image(step.strength) * step.noise).clamp_(0.0, 1.0)


@kernel
def numba_cpu(image, spare, row, noise, scratch):
    flat, strength = image.reshape(-1), row[layout.STRENGTH]
    red, green, blue = noise[0].reshape(-1), noise[1].reshape(-1), noise[2].reshape(-1)
    for i in range(red.shape[0]):
        flat[3 * i] = clamp(flat[3 * i] + strength * red[i])
        flat[3 * i + 1] = clamp(flat[3 * i + 1] + strength * green[i])
        flat[3 * i + 2] = clamp(flat[3 * i + 2] + strength * blue[i])


@jit
def triton_gpu(image, spare, row, noise, levels, height, width, SPAN: tl.constexpr):
    pixels = height * width
    strength = tl.load(row + STRENGTH)
    for start in range(0, pixels, SPAN):
        at, there, red, green, blue = triton_pixels.planes(image, start, pixels, SPAN)
        _, _, noise_r, noise_g, noise_b = triton_pixels.planes(noise, start, pixels, SPAN)
        red = triton_pixels.clamp(red + strength * noise_r)
        green = triton_pixels.clamp(green + strength * noise_g)
        blue = triton_pixels.clamp(blue + strength * noise_b)
        triton_pixels.put(image, pixels, at, there, red, green, blue)


OPERATION = Operation(
    OperationInfo(
        "gaussian_noise",
        "Add independent normal noise.",
        unit="standard deviation as a fraction of the value range",
        limit=1.0,
        search_limit=0.2,
    ),
    PixelKernel(torch_ref, numba_cpu, triton_gpu, reads_noise=True),
)
