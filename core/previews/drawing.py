"""What the preview process draws. Torch is imported in the functions, so in that process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.previews.grid import cell_of, grid
from core.previews.samples import some_images
from quarterturn.data.cache import open_cache
from quarterturn.policy import parse_policy

#: Of the largest searched strength.
STRENGTHS = (1 / 3, 2 / 3, 1.0)


def policy_sheet(
    folder: Path, document: dict[str, Any], *, images: int, draws: int, seed: int, page: int
) -> bytes:
    """PNG: a row per image, the original and `draws` views of it by the policy."""
    import torch
    from PIL import Image

    from quarterturn.preview.sheet import draws_of

    cache = open_cache(folder)
    chosen = some_images(cache, images, page)
    batch = torch.from_numpy(chosen).permute(0, 3, 1, 2).contiguous()
    columns = draws_of(batch, parse_policy(document), draws, seed)
    originals = [Image.fromarray(picture) for picture in chosen]
    return grid([originals, *columns], cell_of(cache.info.resolution, 84))


def operation_sheet(folder: Path, operation: str, *, images: int, seed: int) -> bytes:
    """PNG: a row per image, the original and the operation at three strengths; one without
    strength is drawn once.
    """
    import torch
    from PIL import Image

    from quarterturn.policy.levels import operation_at
    from quarterturn.policy.operations import OPERATIONS
    from quarterturn.policy.recipes import crop
    from quarterturn.policy.schema import Policy, Stage
    from quarterturn.preview.sheet import draws_of

    cache = open_cache(folder)
    chosen = some_images(cache, images)
    batch = torch.from_numpy(chosen).permute(0, 3, 1, 2).contiguous()
    views: list[list[Stage]]
    if operation not in OPERATIONS:
        views = [[crop(1.0 - 0.8 * strength)] for strength in STRENGTHS]
    elif OPERATIONS[operation].has_strength:
        views = [[operation_at(operation, strength)] for strength in STRENGTHS]
    else:
        views = [[operation_at(operation, 1.0)]]
    columns = [[Image.fromarray(picture) for picture in chosen]]
    for view in views:
        columns += draws_of(batch, Policy.model_validate({"views": [view]}), 1, seed)
    return grid(columns, cell_of(cache.info.resolution, 56))


def rotation_of(folder: Path) -> dict[str, float | int]:
    """How well rotation can be told before anything is learnt; see `core.previews.rotation`."""
    from core.previews.rotation import measure

    return measure(open_cache(folder))
