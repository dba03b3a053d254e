"""A policy's stages compiled to slots: tables of leaves, of which each image draws one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.policies.operations import OPERATIONS
from core.policies.schema import Operation, RandomResizedCrop

CROP = "random_resized_crop"
#: What an image may get in a step of a program; 0 is nothing.
CODES = {name: code for code, name in enumerate(("nothing", "resample", CROP, *OPERATIONS))}
_SIGNS = {"random": 0.0, "positive": 1.0, "negative": -1.0}


@dataclass(frozen=True)
class LeafTable:
    """The parameters of t leaves.

    op is int64 (t,); parameters is float32 (t, 12): probability, low, high, sign (0 random),
    fill (3), crop scale (2), crop ratio (2), whether the strength is a whole number. The names are
    those of the operations in the table.
    """

    op: NDArray[np.int64]
    parameters: NDArray[np.float32]
    geometric: tuple[str, ...]
    others: tuple[str, ...]
    has_whole: bool
    """Whether a strength is a whole number."""
    has_coin: bool
    """Whether a direction is drawn."""


def _row(leaf: Operation | RandomResizedCrop) -> list[float]:
    if isinstance(leaf, RandomResizedCrop):
        return [leaf.probability, 0, 0, 1, 0, 0, 0, *leaf.scale, *leaf.ratio, 0]
    info = OPERATIONS[leaf.op]
    sign = _SIGNS[leaf.sign or "random"] if info.signed else 1.0
    fill = [channel / 255.0 for channel in leaf.fill_color]
    return [leaf.probability, leaf.low, leaf.high, sign, *fill, 1, 1, 1, 1, info.integer]


def leaf_table(leaves: Sequence[Operation | RandomResizedCrop]) -> LeafTable:
    """Compile leaves; the last few hundred tables are kept."""
    return _compiled(tuple(leaves))


@lru_cache(maxsize=512)
def _compiled(leaves: tuple[Operation | RandomResizedCrop, ...]) -> LeafTable:
    names = sorted({leaf.op for leaf in leaves}, key=CODES.__getitem__)
    moving = {name for name in names if name == CROP or OPERATIONS[name].geometric}
    parameters = np.array([_row(leaf) for leaf in leaves], np.float32)
    return LeafTable(
        op=np.array([CODES[leaf.op] for leaf in leaves]),
        parameters=parameters,
        geometric=tuple(name for name in names if name in moving),
        others=tuple(name for name in names if name not in moving),
        has_whole=bool((parameters[:, 11] > 0).any()),
        has_coin=bool((parameters[:, 3] == 0).any()),
    )
