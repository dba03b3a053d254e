"""Contact sheets: each image beside several draws of a policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw

from quarterturn.augment import RandomStreams, augment
from quarterturn.policy.schema import Policy

_GAP = 4
_HEAD = 18
_PAPER, _INK = (255, 255, 255), (30, 30, 30)


def _square(image: Image.Image, size: int) -> Image.Image:
    """The central square, resized."""
    side = min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    return image.convert("RGB").resize(
        (size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side)
    )


def _to_images(batch: torch.Tensor) -> list[Image.Image]:
    values = (batch * 255.0).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()
    return [Image.fromarray(picture.numpy()) for picture in values]


def draws_of(batch: torch.Tensor, policy: Policy, draws: int, seed: int) -> list[list[Image.Image]]:
    """`draws` views of each image, of both views in turn.

    Args:
        batch: uint8 (n, 3, s, s).
        seed: the same seed draws the same; two policies with a crop each draw the same crops.
    """
    columns = []
    for number in range(draws):
        view = number % len(policy.views)
        columns.append(
            _to_images(augment(batch, policy.view(view), RandomStreams(seed, number), view=view))
        )
    return columns


def contact_sheet(
    images: Sequence[Image.Image],
    policy: Policy,
    *,
    draws: int = 5,
    resolution: int = 64,
    cell: int = 96,
    seed: int = 0,
) -> Image.Image:
    """One row per image: the original, then `draws` views of it, of both views in turn.

    Args:
        resolution: at which the policy is applied, in pixels; blurs depend on it.
        cell: at which pictures are shown, in pixels.
        seed: the same seed draws the same; two policies with a crop each draw the same crops.

    Raises:
        ValueError: there are no images.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image")
    originals = [_square(image, resolution) for image in images]
    stacked = np.stack([np.asarray(image) for image in originals])
    batch = torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous()
    columns = [originals, *draws_of(batch, policy, draws, seed)]
    step = cell + _GAP
    size = (step * len(columns) + _GAP, _HEAD + step * len(images) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    for x, column in enumerate(columns):
        if len(policy.views) == 2 and x > 0:
            pen.text((_GAP + step * x, 3), f"view {(x - 1) % 2}", fill=_INK)
        for y, picture in enumerate(column):
            shown = picture.resize((cell, cell), Image.Resampling.NEAREST)
            sheet.paste(shown, (_GAP + step * x, _HEAD + _GAP + step * y))
    pen.text((_GAP, 3), "original", fill=_INK)
    return sheet
