"""Rules that pick a policy: each gives all policies of a field a score, more being better.

A rule is a function of a field and of cases of other families, which only learned rules look at.
Add one to `fixed_rules` or hand it to `replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.experiments.decision.cases import BASELINES, Array, Case, Field
from benchmarks.experiments.decision.cases import rank as rank
from benchmarks.experiments.decision.learned import predict_accuracy, prior_ranks
from benchmarks.experiments.decision.spectral import agreement_weights

Rule = Callable[[Field, Sequence[Case]], Array]

REFERENCE = ("reference_r2", "reference_r2w", "reference_knn")
VOTERS = ("rotation", "reference_r2w", "reference_knn")
#: Each alone; of the training loss more is better, as it is the harder policies that have it.
CRITERIA = (
    "rotation",
    "rotation_cross_entropy",
    "rotation_half_turn",
    *REFERENCE,
    "reference_cka",
    "retrieval",
    "composite",
    "infonce",
    "alignment",
    "uniformity",
    "rankme",
    "alpha_req",
    "lidar",
    "feature_std",
    "loss",
)


def always(policy: str, field: Field, _: Sequence[Case]) -> Array:
    """One policy, whatever the images are."""
    return np.array([float(name == policy) for name in field.policies])


def criterion(name: str, field: Field, _: Sequence[Case]) -> Array:
    """One criterion."""
    return rank(field.columns[name])


def rank_sum(weights: dict[str, float], field: Field, _: Sequence[Case]) -> Array:
    """A weighted sum of ranks."""
    return np.asarray(sum(w * rank(field.columns[name]) for name, w in weights.items()))


def spectral(voters: Sequence[str], field: Field, known: Sequence[Case]) -> Array:
    """Criteria and the prior, weighed by how they agree with one another on these images."""
    votes = np.stack([*(rank(field.columns[name]) for name in voters), prior_ranks(field, known)])
    return np.asarray(agreement_weights(votes) @ votes)


def ridge(columns: Sequence[str], field: Field, known: Sequence[Case]) -> Array:
    """Accuracy as learned on other families from these criteria and the prior."""
    return predict_accuracy(columns, field, known)


def fixed_rules(policies: Sequence[str]) -> dict[str, Rule]:
    """All rules that are replayed, by name; each of `policies`, which all sets must have, is taken
    always.
    """
    rules: dict[str, Rule] = {name: partial(criterion, name) for name in CRITERIA}
    rules["ranks of R2 + R2w + kNN"] = partial(rank_sum, dict.fromkeys(REFERENCE, 1.0))
    rules["ranks of rotation + 2 R2"] = partial(rank_sum, {"rotation": 1.0, "reference_r2": 2.0})
    rules["ranks of rotation + R2w + kNN"] = partial(rank_sum, dict.fromkeys(VOTERS, 1.0))
    rules["spectral agreement"] = partial(spectral, VOTERS)
    rules["prior"] = prior_ranks
    rules["ridge: rotation, R2, R2w, kNN, prior"] = partial(ridge, ("rotation", *REFERENCE))
    rules["ridge: rotation, prior"] = partial(ridge, ("rotation",))
    rules["ridge: all criteria, prior"] = partial(ridge, CRITERIA)
    order = [*BASELINES, *(name for name in policies if name not in BASELINES)]
    rules |= {f"always {name}": partial(always, name) for name in order if name in policies}
    return rules
