"""Voters weighed by their agreement (Parisi et al. 2014, a spectral meta-learner).

If voters err independently of one another, the matrix of their correlations has rank one off its
diagonal, and its factor is how well each voter correlates with the truth.
"""

from __future__ import annotations

import numpy as np

from benchmarks.experiments.decision.cases import Array

_STEPS = 200
#: No voter is believed to correlate better with the truth than this.
_HIGHEST = 0.95


def agreement_factor(votes: Array) -> Array:
    """(v,) correlations with the truth, of (v, n) votes on n candidates.

    The factor w that makes w w' nearest to the correlations off the diagonal: the diagonal is
    filled with w squared until it stays. Most voters are taken to be better than chance.
    """
    centered = votes - votes.mean(1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    unit = np.divide(centered, length, out=np.zeros_like(centered), where=length > 1e-12)
    matrix = unit @ unit.T
    np.fill_diagonal(matrix, 0.5)
    factor = np.zeros(len(votes))
    for _ in range(_STEPS):
        values, vectors = np.linalg.eigh(matrix)
        factor = vectors[:, -1] * np.sqrt(max(0.0, values[-1]))
        np.fill_diagonal(matrix, np.minimum(factor**2, 1.0))
    factor = factor if factor.sum() >= 0 else -factor
    return np.asarray(np.clip(factor, -_HIGHEST, _HIGHEST))


def agreement_weights(votes: Array) -> Array:
    """(v,) weights of the best linear guess of the truth from voters that err independently."""
    factor = agreement_factor(votes)
    return np.asarray(factor / (1.0 - factor**2))
