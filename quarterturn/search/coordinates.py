"""What candidates are made of, as numbers on a few axes, for parallel coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quarterturn.policy.schema import Policy, Sample
from quarterturn.policy.shares import Share, shares_of
from quarterturn.policy.slots import slots_of
from quarterturn.search.importance import dose
from quarterturn.space.schema import RandAugmentSpace, SearchSpace

MOST_AXES = 9


@dataclass(frozen=True)
class Coordinates:
    """Names of the axes, what their numbers mean, and the values of each policy on them."""

    axes: tuple[str, ...]
    meaning: str
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Makeup:
    """What a candidate is made of, without its policy.

    Attributes:
        shares: of its operations.
        sampled: how many operations are drawn, out of how many; None where none are.
        slots: what stands in each slot; None where its stages do not fit into slots.
    """

    shares: dict[str, Share]
    sampled: tuple[int, int] | None
    slots: dict[str, str] | None = None

    @classmethod
    def of(cls, policy: Policy) -> Makeup:
        """That of a policy, whose views are alike."""
        samples = (stage for stage in policy.views[0] if isinstance(stage, Sample))
        sample = next(samples, None)
        sampled = (sample.count, len(sample.of)) if sample else None
        return cls(shares_of(policy), sampled, slots_of(policy))


def _drawn(made: Makeup) -> tuple[float, float]:
    """Count and mean strength of the part of a policy that RandAugment searched."""
    assert made.sampled is not None
    count, choices = made.sampled
    doses = [
        d
        for name, share in made.shares.items()
        if share.strength is not None and (d := dose(name, share))
    ]
    rate = count / choices
    return float(count), round(sum(doses) / len(doses) / rate, 4) if doses else 0.0


def coordinates(space: SearchSpace, candidates: Sequence[Makeup]) -> Coordinates:
    """The parameters of a RandAugment space; of others the dose of each operation, those of them
    that vary most.

    Args:
        candidates: of the space, without the baselines.
    """
    # A list may have any policies, whatever the space.
    if isinstance(space, RandAugmentSpace) and all(made.sampled for made in candidates):
        return Coordinates(
            ("operations drawn", "strength"),
            "the operations drawn per image, and their mean strength as part of the range",
            tuple(_drawn(made) for made in candidates),
        )
    shares = [made.shares for made in candidates]
    names = sorted({name for found in shares for name in found})
    table = np.array([[dose(name, found.get(name)) for name in names] for found in shares])
    spread = np.ptp(table, axis=0) if len(table) else np.zeros(len(names))
    kept = [n for n in np.argsort(-spread, kind="stable")[:MOST_AXES] if spread[n] > 1e-9]
    chosen = sorted(kept)
    return Coordinates(
        tuple(names[n] for n in chosen),
        "how much of each operation an image gets on average, as part of the searched range",
        tuple(tuple(round(float(row[n]), 4) for n in chosen) for row in table),
    )
