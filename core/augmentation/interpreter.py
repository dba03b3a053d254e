"""The interpreter: applies a policy to a batch, every image with draws of its own.

A program is drawn on the CPU and executed where the images are, by kernels that carry each image
from its first step to its last in cache: compiled by numba for CPUs, by Triton for GPUs. Where they
cannot be compiled, in plain torch, which is the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from core.augmentation import compiled, eager, fused
from core.augmentation.draws import BothViews, Draws, Noise
from core.augmentation.finish import Normalisation
from core.augmentation.merging import Drawn, JointNoise, merge
from core.augmentation.program import Step
from core.augmentation.sampling import draw_program
from core.policies.schema import Policy, Stage

#: Of several batches, the values of images that are processed together: half a GiB in float32.
_VALUES_AT_ONCE = 2**27


class _Kernels(Protocol):
    def __call__(
        self,
        steps: Sequence[Step],
        images: torch.Tensor,
        draws: Noise,
        normalisation: Normalisation | None = None,
        *,
        times: int = 1,
    ) -> torch.Tensor: ...


def _kernels(device: torch.device) -> _Kernels | None:
    """Of the device; None where plain torch has to do it."""
    if device.type == "cpu":
        return compiled.execute if compiled.available() else None
    return fused.execute if fused.available(device) else None


def augment(
    images: torch.Tensor,
    stages: Sequence[Stage],
    draws: Draws,
    *,
    view: int = 0,
    normalisation: Normalisation | None = None,
) -> torch.Tensor:
    """Apply the stages of one view to a batch.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1]; not changed.
        view: number of the view; different views draw independently.
        normalisation: what an encoder wants its inputs shifted and scaled by.

    Returns:
        float32 (n, 3, h, w) in [0, 1]; with a normalisation normalised, and channels last.
    """
    steps = draw_program(stages, draws, len(images), *images.shape[2:], view=view)
    kernels = _kernels(images.device)
    if kernels is not None:
        return kernels(steps, images, draws, normalisation)
    done = eager.execute(steps, images, draws)
    return done if normalisation is None else normalisation(done)


def two_views(
    images: torch.Tensor,
    policy: Policy,
    draws: Draws,
    normalisation: Normalisation | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent views of a batch; arguments and result as `augment`."""
    stages, kernels = policy.view(0), _kernels(images.device)
    if stages is policy.view(1) and kernels is not None:
        # Together: of small images, most of the time goes into calls.
        both, count = BothViews(draws), len(images)
        steps = draw_program(stages, both, 2 * count, *images.shape[2:])
        done = kernels(steps, images, both, normalisation, times=2)
        return done[:count], done[count:]
    first, second = (
        augment(images, policy.view(view), draws, view=view, normalisation=normalisation)
        for view in (0, 1)
    )
    return first, second


def two_views_of_all(
    batches: Sequence[tuple[torch.Tensor, Policy, Draws]], normalisation: Normalisation
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of each of K batches of n images, each by its own policy and draws.

    Where a device has to be sent every operation, those of all batches and both views are sent
    together.

    Returns:
        As `two_views`, but for the last digits, with K as the first dimension: (K, n, 3, h, w).
    """
    images = batches[0][0]
    if images.device.type == "cpu" and compiled.available():
        views = [two_views(*batch, normalisation) for batch in batches]
        return torch.stack([one for one, _ in views]), torch.stack([other for _, other in views])
    both = [(*batch, view) for view in (0, 1) for batch in batches]
    at_once = max(1, _VALUES_AT_ONCE // images.numel())
    done = torch.cat(
        [_joint(both[at : at + at_once], normalisation) for at in range(0, len(both), at_once)]
    )
    first, second = done.view(2, len(batches), *images.shape)
    return first, second


def _joint(
    batches: Sequence[tuple[torch.Tensor, Policy, Draws, int]], normalisation: Normalisation
) -> torch.Tensor:
    """One view each, by its number, of all batches; one batch after the other."""
    programs = [
        Drawn(
            draw_program(policy.view(view), draws, len(images), *images.shape[2:], view=view),
            draws, len(images),
        )
        for images, policy, draws, view in batches
    ]  # fmt: skip
    images = torch.cat([images for images, *_ in batches])
    steps, noise = merge(programs), JointNoise(programs)
    kernels = _kernels(images.device)
    if kernels is not None:
        return kernels(steps, images, noise, normalisation)
    return normalisation(eager.execute(steps, images, noise))
