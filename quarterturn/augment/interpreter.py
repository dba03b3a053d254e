"""The interpreter: applies a policy to a batch, every image with draws of its own.

A program is drawn on the CPU and executed where the images are, by kernels that carry each image
from its first step to its last in cache: compiled by numba for CPUs, by Triton for GPUs. Where they
cannot be compiled, in plain torch, which is the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from quarterturn.augment import compiled, eager, fused
from quarterturn.augment.drawing import draw_table
from quarterturn.augment.draws import Draws
from quarterturn.augment.finish import Normalisation
from quarterturn.augment.merging import JointNoise, labels_of, merge
from quarterturn.augment.numba_support import has_numba
from quarterturn.augment.sampling import draw_program
from quarterturn.augment.table import Table, halves, joined
from quarterturn.policy.schema import Policy, Stage

#: Of several batches, the values of images that are processed together: half a GiB in float32.
_VALUES_AT_ONCE = 2**27


class _Kernels(Protocol):
    def __call__(
        self,
        table: Table,
        images: torch.Tensor,
        normalisation: Normalisation | None = None,
        *,
        times: int = 1,
    ) -> torch.Tensor: ...


def _kernels(device: torch.device) -> _Kernels | None:
    """Of the device; None where plain torch has to do it."""
    if device.type == "cpu":
        return compiled.execute if has_numba() else None
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
    count, height, width = len(images), *images.shape[2:]
    kernels = _kernels(images.device)
    if kernels is not None:
        table = draw_table(stages, draws, count, height, width, view=view)
        return kernels(table, images, normalisation)
    steps = draw_program(stages, draws, count, height, width, view=view)
    done = eager.execute(steps, images, draws)
    return done if normalisation is None else normalisation(done)


def has_kernels(device: torch.device) -> bool:
    """Whether views are made by kernels there, and can be prepared."""
    return _kernels(device) is not None


def prepare_views(
    policies: Sequence[tuple[Policy, Draws]], count: int, height: int, width: int
) -> Table:
    """What is drawn of two views of as many batches, of `count` images each: first those of view 0
    of all batches, then those of view 1. It needs no device, and can be done before in another
    thread.
    """
    tables = []
    for policy, draws in policies:
        stages, size = policy.view(0), (height, width)
        if stages is policy.view(1):
            # Together: of small images, most of the time goes into calls.
            tables.append(draw_table(stages, draws.both, 2 * count, *size))
        else:
            views = [
                draw_table(policy.view(view), draws, count, *size, view=view) for view in (0, 1)
            ]
            tables.append(joined(views))
    if len(tables) == 1:
        return tables[0]
    first, second = zip(*(halves(table) for table in tables), strict=True)
    return joined([*first, *second])


def two_views(
    images: torch.Tensor,
    policy: Policy,
    draws: Draws,
    normalisation: Normalisation | None = None,
    prepared: Table | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent views of a batch; arguments and result as `augment`.

    Args:
        prepared: that of `prepare_views` of this batch, if it was drawn before.
    """
    kernels = _kernels(images.device)
    if kernels is not None:
        table = prepared or prepare_views([(policy, draws)], len(images), *images.shape[2:])
        done = kernels(table, images, normalisation, times=2)
        return done[: len(images)], done[len(images) :]
    first, second = (
        augment(images, policy.view(view), draws, view=view, normalisation=normalisation)
        for view in (0, 1)
    )
    return first, second


def two_views_of_all(
    batches: Sequence[tuple[torch.Tensor, Policy, Draws]],
    normalisation: Normalisation,
    prepared: Table | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of each of K batches of n images, each by its own policy and draws.

    Where a device has to be sent work, that of all batches and both views is sent together.

    Args:
        prepared: that of `prepare_views` of these batches, if it was drawn before.

    Returns:
        As `two_views`, but for the last digits, with K as the first dimension: (K, n, 3, h, w).
    """
    images = batches[0][0]
    if prepared is None and images.device.type == "cpu" and has_numba():
        views = [two_views(*batch, normalisation) for batch in batches]
        return torch.stack([one for one, _ in views]), torch.stack([other for _, other in views])
    kernels = _kernels(images.device)
    if kernels is not None:
        who = [(policy, draws) for _, policy, draws in batches]
        table = prepared or prepare_views(who, len(images), *images.shape[2:])
        everything = torch.cat([images for images, *_ in batches])
        done = kernels(table, everything, normalisation, times=2)
    else:
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
    """One view each, by its number, of all batches, in plain torch; one batch after the other."""
    count = len(batches[0][0])
    programs = [
        draw_program(policy.view(view), draws, count, *images.shape[2:], view=view)
        for images, policy, draws, view in batches
    ]
    noise = JointNoise(
        [
            (batch[2], count, labels_of(steps))
            for batch, steps in zip(batches, programs, strict=True)
        ]
    )
    steps = merge([(steps, count) for steps in programs])
    images = torch.cat([images for images, *_ in batches])
    return normalisation(eager.execute(steps, images, noise))
