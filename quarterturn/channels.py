"""Policies on pictures of one band, or of more than three."""

from __future__ import annotations

from collections.abc import Callable

import torch

from quarterturn.errors import InvalidInputError
from quarterturn.policy.leaves import leaves
from quarterturn.policy.operations import COLOR_OPERATIONS
from quarterturn.policy.schema import Policy

RGB = 3


def refuse_colors(policy: Policy, channels: int) -> None:
    """Refuse a policy with color operations for pictures without red, green and blue.

    Raises:
        InvalidInputError: `colors_needed`, naming the operations.
    """
    used = {leaf.op for view in policy.views for leaf in leaves(view)}
    needed = [name for name in COLOR_OPERATIONS if name in used]
    if needed:
        raise InvalidInputError(
            f"The policy uses {', '.join(needed)}, which need red, green and blue; the images have "
            f"{channels} channel{'s' * (channels != 1)}. Search on images like these, remove these "
            "operations, or give three channels.",
            code="colors_needed",
        )


def by_threes(images: torch.Tensor, apply: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Apply what takes three channels to any number of them, three at a time.

    `apply` must draw the same each time, so that all channels of an image move together.

    Args:
        images: (n, c, h, w).
    """
    channels = images.shape[1]
    parts = []
    for start in range(0, channels, RGB):
        part = images[:, start : start + RGB]
        missing = RGB - part.shape[1]
        if missing:
            part = torch.cat((part, part[:, -1:].expand(-1, missing, -1, -1)), dim=1)
        parts.append(apply(part.contiguous())[:, : RGB - missing])
    return torch.cat(parts, dim=1)
