"""What each operation is worth on these images: an additive model over the slots of policies.

score = common + sum over slots of the effect of the level that stands there + noise, with a normal
prior on the effects, so that what was hardly tried stays near zero with a wide error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quarterturn.policy.slots import SLOTS, Slots

#: Variance of the noise over the prior variance of an effect.
_SHRINKAGE = 1.0
#: Fewer scored policies show nothing.
MIN_POLICIES = 4

Level = tuple[str, str]
Array = np.ndarray[Any, np.dtype[Any]]


def _columns(slots: Sequence[Slots]) -> tuple[Level, ...]:
    """All levels that the product knows, and those that are in these policies besides."""
    known = [(slot.name, level) for slot in SLOTS for level in slot.levels]
    others = {item for found in slots for item in found.items()} - set(known)
    return (*known, *sorted(others))


@dataclass(frozen=True)
class OperationEffect:
    """What a slot at a level is worth beside leaving it empty, in the unit of the score.

    Attributes:
        policies: how many scored policies have it.
    """

    slot: str
    level: str
    effect: float
    error: float
    policies: int


@dataclass(frozen=True)
class Effects:
    """The posterior of the effects: mean (k,) and covariance (k, k), in the unit of the score."""

    levels: tuple[Level, ...]
    mean: Array
    covariance: Array
    counts: Array

    def _design(self, slots: Slots) -> Array:
        return np.array([float(slots.get(name) == level) for name, level in self.levels])

    def of_change(self, before: Slots, after: Slots) -> tuple[float, float]:
        """Expected difference of the score of two policies, and its standard error."""
        change = self._design(after) - self._design(before)
        variance = float(change @ self.covariance @ change)
        return float(change @ self.mean), math.sqrt(max(0.0, variance))

    def to_list(self) -> list[OperationEffect]:
        """Those of levels that were both tried and left out, the largest first."""
        errors = np.sqrt(np.maximum(0.0, np.diag(self.covariance)))
        found = [
            OperationEffect(name, level, float(self.mean[i]), float(errors[i]), int(self.counts[i]))
            for i, (name, level) in enumerate(self.levels)
            if self.counts[i] > 0
        ]
        return sorted(found, key=lambda e: (-abs(round(e.effect, 9)), e.slot, e.level))


def fit_effects(scored: Sequence[tuple[Slots | None, float]]) -> Effects:
    """Fit the model to the slots and scores of policies; those without slots are left out."""
    rows = [(slots, score) for slots, score in scored if slots is not None]
    levels = _columns([slots for slots, _ in rows])
    k = len(levels)
    empty = Effects(levels, np.zeros(k), np.zeros((k, k)), np.zeros(k))
    if len(rows) < MIN_POLICIES:
        return empty
    x = np.stack([empty._design(slots) for slots, _ in rows])
    y = np.array([score for _, score in rows])
    spread = float(y.std())
    if spread < 1e-12:
        return empty
    centered = x - x.mean(0)
    precision = centered.T @ centered + _SHRINKAGE * np.eye(k)
    inverse = np.linalg.inv(precision)
    mean = inverse @ centered.T @ (y - y.mean())
    residuals = y - y.mean() - centered @ mean
    # The trace of the hat matrix: how many parameters the shrunk fit spends.
    spent = 1.0 + float(np.trace(inverse @ centered.T @ centered))
    variance = float(residuals @ residuals) / max(1.0, len(rows) - spent)
    return Effects(levels, mean, variance * inverse, x.sum(0))
