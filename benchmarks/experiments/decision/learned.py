"""What is learned from cases of other families: a prior of policies, and a ridge regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from benchmarks.experiments.decision.cases import Array, Case, Field

_PENALTY = 10.0


def _standardize(values: Array) -> Array:
    """Zero mean and unit deviation; what was not measured is at the mean."""
    spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
    if spread < 1e-12:
        return np.zeros(len(values))
    return np.asarray(np.nan_to_num((values - np.nanmean(values)) / spread))


def _relative_ranks(values: Array) -> Array:
    """From -1 to 1."""
    return np.asarray(2.0 * (rankdata(values) - 1.0) / max(1, len(values) - 1) - 1.0)


def prior_ranks(field: Field, known: Sequence[Case]) -> Array:
    """Mean rank of each policy by labels on the known sets, from -1 to 1; 0 if it is new."""
    ranks: dict[str, list[float]] = {}
    for case in known:
        for policy, value in zip(case.field.policies, _relative_ranks(case.truth), strict=True):
            ranks.setdefault(policy, []).append(float(value))
    return np.array([float(np.mean(ranks.get(name, [0.0]))) for name in field.policies])


def _describe(columns: Sequence[str], field: Field, known: Sequence[Case]) -> Array:
    """(n, k) standardized criteria and the prior."""
    criteria = [_standardize(field.columns[name]) for name in columns]
    return np.stack([*criteria, prior_ranks(field, known)], 1)


def predict_accuracy(columns: Sequence[str], field: Field, known: Sequence[Case]) -> Array:
    """Standardized accuracy of each policy, by ridge regression over all policies of known cases.

    The prior of a known case is that of the other sets.
    """
    if not known:
        return np.zeros(len(field.policies))
    described, targets = [], []
    for case in known:
        others = [other for other in known if other.field.set != case.field.set]
        described.append(_describe(columns, case.field, others))
        targets.append(_standardize(case.truth))
    x, y = np.concatenate(described), np.concatenate(targets)
    weights = np.linalg.solve(x.T @ x + _PENALTY * np.eye(x.shape[1]), x.T @ y)
    return np.asarray(_describe(columns, field, known) @ weights)
