"""What an operation is made of: how a policy describes it, and what each backend runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quarterturn.augment import layout
from quarterturn.augment.transfer import send
from quarterturn.policy.operations import OperationInfo


class StepArguments:
    """What an op step has for n images, as tensors on their device; sent there when first read.

    Args:
        rows: float32 (n, ROW), of a packed plan.
        device: of the images.
        noise: float32 (k, m, 3, h, w), of all m images of the plan.
        images: int64 (n,), which of these the n are.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        device: torch.device,
        noise: torch.Tensor | None,
        images: NDArray[np.int64],
    ) -> None:
        self._rows, self._device, self._noise, self._images = rows, device, noise, images

    def _column(self, first: int, count: int) -> torch.Tensor:
        return send(self._rows[:, first : first + count], self._device)

    @cached_property
    def strength(self) -> torch.Tensor:
        """(n,), signed, in the operation's unit."""
        return self._column(layout.STRENGTH, 1).flatten()

    @property
    def largest_strength(self) -> float:
        """Of all n images; the device is not asked."""
        return float(self._rows[:, layout.STRENGTH].max())

    @cached_property
    def maps(self) -> torch.Tensor:
        """(n, 2, 3), from continuous output to input coordinates in pixels."""
        return self._column(layout.MAP, 6).view(-1, 2, 3)

    @cached_property
    def fill(self) -> torch.Tensor:
        """(n, 3) in [0, 1]."""
        return self._column(layout.FILL, 3)

    @cached_property
    def uniform(self) -> torch.Tensor:
        """(n, 2) in [0, 1): numbers of each image for the operation's own use."""
        return self._column(layout.UNIFORM, 2)

    @cached_property
    def noise(self) -> torch.Tensor:
        """Standard normal (n, 3, h, w)."""
        assert self._noise is not None
        places = send(self._rows[:, layout.NOISE].astype(np.int64), self._device)
        return self._noise[places, send(self._images, self._device)]


@dataclass(frozen=True)
class PixelKernel:
    """What a step does to pixels, by backend.

    A plan with a step that a backend lacks runs on `torch_ref`, which has all.

    Attributes:
        torch_ref: (images, StepArguments) to images, both float32 (n, 3, h, w) in [0, 1].
        numba_cpu: (image, spare, row, noise, scratch), of one image: float32 (h, w, 3), behind
            which a row and a pixel more may be read, a second one, the step's row of the plan
            (`quarterturn.augment.layout`), noise (3, h, w), and 9 w + 8 for its own use.
        triton_gpu: (image, spare, row, noise, levels, height, width, SPAN: tl.constexpr), of one
            image: the addresses of planes float32 (3, h, w), of a second image, of the row, of
            noise (3, h, w), and of 256 numbers for its own use.
        fills_spare: whether the result is in `spare`, rather than in `image`.
        reads_noise: whether noise is drawn for it.
    """

    torch_ref: Callable[[torch.Tensor, StepArguments], torch.Tensor]
    numba_cpu: Callable[..., Any] | None = None
    triton_gpu: Callable[..., Any] | None = None
    fills_spare: bool = False
    reads_noise: bool = False


@dataclass(frozen=True)
class Operation:
    """One operation.

    One that changes values has `pixels`. One that moves pixels has `affine`: its maps are composed
    with those of its neighbors, and carried out in one resampling.

    Attributes:
        info: its name, its sentence, and the unit and range of its strength.
        pixels: what it does to pixels. Of one that moves them, the same without resampling.
        affine: (strength, draws, crop_draws, leaf, height, width, map), compiled by
            `exact_kernel`: writes to `map`, which is the identity before (a, b, c, d, e, f), where
            an output pixel (x, y) reads (a x + b y + c, d x + e y + f). `draws`, `crop_draws` and
            `leaf` are rows as `quarterturn.augment.layout` names them.
        covers: whether it moves nothing from outside into the frame.
    """

    info: OperationInfo
    pixels: PixelKernel | None = None
    affine: Callable[..., Any] | None = None
    covers: bool = False

    def __post_init__(self) -> None:
        if self.pixels is None and self.affine is None:
            raise ValueError(f"{self.name} has neither pixels nor affine; give it one of them")
        if self.info.geometric != (self.affine is not None):
            raise ValueError(f"{self.name}: geometric is for operations with affine, and only them")

    @property
    def name(self) -> str:
        """As policies call it."""
        return self.info.name
