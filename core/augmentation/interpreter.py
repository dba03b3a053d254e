"""The interpreter: applies a policy to a batch, every image with draws of its own.

A program is drawn on the CPU and executed where the images are: on a CPU by compiled kernels, image
by image in cache; elsewhere, and where numba is missing, in plain torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.augmentation import compiled, eager
from core.augmentation.draws import Draws
from core.augmentation.finish import Normalisation
from core.augmentation.sampling import draw_program
from core.policies.schema import Policy, Stage


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
    if images.device.type == "cpu" and compiled.available():
        return compiled.execute(steps, images, draws, normalisation)
    done = eager.execute(steps, images, draws)
    return done if normalisation is None else normalisation(done)


def two_views(
    images: torch.Tensor,
    policy: Policy,
    draws: Draws,
    normalisation: Normalisation | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent views of a batch; arguments and result as `augment`."""
    first, second = (
        augment(images, policy.view(view), draws, view=view, normalisation=normalisation)
        for view in (0, 1)
    )
    return first, second
