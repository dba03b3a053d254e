"""The operations a policy is made of: names, units, limits, and what their strength means.

Strength is monotone: 0 is the identity and more is stronger, always in a real unit. The papers'
"level" is ambiguous (for some operations 1 is the identity); see `quarterturn.policy.levels`.

Each operation describes itself in its file, `quarterturn/augment/ops/NAME.py`. A policy is checked
where there is no torch, so what they say is kept in `operations.json`, which
`python -m quarterturn.augment.ops` writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

CATALOG = Path(__file__).with_name("operations.json")


@dataclass(frozen=True)
class OperationInfo:
    """One operation.

    Attributes:
        summary: what it does, a sentence.
        unit: of the strength; empty if the operation has none.
        limit: the largest strength that a policy may state.
        search_limit: the largest strength that presets search (SelfAugment's range).
        signed: whether a direction belongs to it (left/right, darker/brighter).
        integer: whether strengths are whole numbers.
        geometric: whether it moves pixels, rather than changing their values.
        needs_color: whether it needs red, green and blue, and does nothing to grey images.
        fill: what uncovered or covered pixels become where a policy does not say, RGB in 0..255.
    """

    name: str
    summary: str
    unit: str = ""
    limit: float = 0.0
    search_limit: float = 0.0
    signed: bool = False
    integer: bool = False
    geometric: bool = False
    needs_color: bool = False
    fill: tuple[int, int, int] = (0, 0, 0)

    @property
    def has_strength(self) -> bool:
        return bool(self.unit)


def _read() -> dict[str, OperationInfo]:
    documents = json.loads(CATALOG.read_text(encoding="utf-8"))
    infos = [OperationInfo(**{**document, "fill": _fill(document)}) for document in documents]
    return {info.name: info for info in infos}


def _fill(document: dict[str, list[int]]) -> tuple[int, int, int]:
    red, green, blue = document.get("fill", (0, 0, 0))
    return red, green, blue


#: By name, in the order in which tables and figures show them.
OPERATIONS: dict[str, OperationInfo] = _read()
#: Stages of policies that are no operations.
_STAGES = ("random_resized_crop", "one_of", "sample", "shuffle")
_OF_THE_LIBRARY = frozenset(OPERATIONS)

#: Those that need red, green and blue, and do nothing to grey images.
COLOR_OPERATIONS = tuple(name for name, info in OPERATIONS.items() if info.needs_color)
#: The 15 operations of SelfAugment, in the order of its public code (arXiv 2009.07724).
SELFAUGMENT_OPERATIONS: tuple[str, ...] = tuple(OPERATIONS)[:15]


def register(info: OperationInfo) -> None:
    """Let policies name an operation; see `quarterturn.augment.ops.registry.register`.

    Raises:
        ValueError: there is one of that name, or its numbers contradict one another.
    """
    if info.name in OPERATIONS:
        raise ValueError(f"there is an operation {info.name}; choose another name")
    if not info.name.isidentifier() or info.name in _STAGES:
        raise ValueError(f"{info.name!r} is no name of an operation; use letters, digits and _")
    if not 0.0 <= info.search_limit <= info.limit:
        raise ValueError(f"search_limit of {info.name} must lie between 0 and its limit")
    if (info.search_limit > 0) != info.has_strength:
        raise ValueError(f"{info.name} needs a unit, a limit and a search_limit, or none of them")
    OPERATIONS[info.name] = info


def unregister(name: str) -> None:
    """Remove an operation that was added by `register`.

    Raises:
        ValueError: it is one of the library, or not there.
    """
    if name in _OF_THE_LIBRARY or name not in OPERATIONS:
        raise ValueError(f"{name} was not registered, so it cannot be removed")
    del OPERATIONS[name]
