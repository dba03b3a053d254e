"""A policy's stages compiled to slots: tables of leaves, of which each image draws one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from core.policies.operations import OPERATIONS
from core.policies.schema import Operation, RandomResizedCrop

CROP = "random_resized_crop"
_IDS = {name: index for index, name in enumerate((*OPERATIONS, CROP))}
_SIGNS = {"random": 0.0, "positive": 1.0, "negative": -1.0}


@dataclass(frozen=True)
class LeafTable:
    """The parameters of t leaves.

    op is int64 (t,); parameters is float32 (t, 11): probability, low, high, sign (0 random),
    fill (3), crop scale (2), crop ratio (2). `names` maps the numbers in op to operations.
    """

    op: torch.Tensor
    parameters: torch.Tensor
    names: dict[int, str]
    fills: bool
    """Whether a geometric operation has a fill of its own."""


def _row(leaf: Operation | RandomResizedCrop) -> list[float]:
    if isinstance(leaf, RandomResizedCrop):
        return [leaf.probability, 0, 0, 1, 0, 0, 0, *leaf.scale, *leaf.ratio]
    signed = OPERATIONS[leaf.op].signed
    sign = _SIGNS[leaf.sign or "random"] if signed else 1.0
    fill = [channel / 255.0 for channel in leaf.fill_color]
    return [leaf.probability, leaf.low, leaf.high, sign, *fill, 1, 1, 1, 1]


def _has_own_fill(leaf: Operation) -> bool:
    return OPERATIONS[leaf.op].geometric and any(leaf.fill_color)


def leaf_table(leaves: Sequence[Operation | RandomResizedCrop], device: torch.device) -> LeafTable:
    """Compile leaves for a device; the last few hundred tables are kept."""
    return _compiled(tuple(leaves), device)


@lru_cache(maxsize=512)
def _compiled(leaves: tuple[Operation | RandomResizedCrop, ...], device: torch.device) -> LeafTable:
    names = {_IDS[leaf.op]: leaf.op for leaf in leaves}
    return LeafTable(
        names=dict(sorted(names.items())),
        fills=any(isinstance(leaf, Operation) and _has_own_fill(leaf) for leaf in leaves),
        op=torch.tensor([_IDS[leaf.op] for leaf in leaves], device=device),
        parameters=torch.tensor([_row(leaf) for leaf in leaves], device=device),
    )
