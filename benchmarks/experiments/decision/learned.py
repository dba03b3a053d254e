"""What is learned from cases of other families: a prior of policies, and a ridge regression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.experiments.decision.cases import Array, Case, Field, standardize

_PENALTY = 10.0


def prior_ranks(field: Field, known: Sequence[Case]) -> Array:
    """Mean rank of each policy by labels on the known sets, from -1 to 1; 0 if it is new."""
    ranks: dict[str, list[float]] = {}
    for case in known:
        for policy, value in zip(case.field.policies, case.ranks, strict=True):
            ranks.setdefault(policy, []).append(float(value))
    return np.array([float(np.mean(ranks.get(name, [0.0]))) for name in field.policies])


def _describe(columns: Sequence[str], field: Field, known: Sequence[Case]) -> Array:
    """(n, k) standardized criteria and the prior."""
    criteria = [field.standardized[name] for name in columns]
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
        targets.append(standardize(case.truth))
    x, y = np.concatenate(described), np.concatenate(targets)
    weights = np.linalg.solve(x.T @ x + _PENALTY * np.eye(x.shape[1]), x.T @ y)
    return np.asarray(_describe(columns, field, known) @ weights)
