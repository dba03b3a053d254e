"""Rankings with honest errors: means over seeds, standard errors, and ties.

Candidates of a rung share seeds, hence images, batches, crops and first weights. The error of a
difference is therefore taken from the residuals of score = candidate + seed + noise, pooled over
the candidates of the rung. With a single seed only the sampling error of the probe-test images is
known, and used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from scipy import stats

from core.search.history import Candidate, TrialRecord

CONFIDENCE = 0.95


@dataclass
class Ranked:
    """One line of a ranking.

    Attributes:
        score: mean rotation accuracy over seeds, in [0, 1].
        standard_error: of that mean over seeds; with one seed, the sampling error of the images.
        iterations: length of pretraining at which it was scored (its last rung).
        tied_with: keys of the candidates of the same rung that cannot be told from this one.
        tied_with_best: whether the first of the ranking is one of these, or this is the first.
    """

    rank: int
    candidate: str
    name: str
    origin: str
    score: float
    standard_error: float
    seeds: int
    iterations: int
    collapsed: bool
    scores: list[float]
    sampling_error: float = 0.0
    tied_with: list[str] = field(default_factory=list)
    tied_with_best: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _entry(candidate: Candidate, trials: list[TrialRecord]) -> Ranked:
    longest = max(trial.iterations for trial in trials)
    last = sorted((t for t in trials if t.iterations == longest), key=lambda t: t.seed)
    scores = [t.score for t in last if t.score is not None]
    mean = math.fsum(scores) / len(scores)
    sampling = math.fsum(t.sampling_error for t in last) / len(last)
    error = sampling
    if len(scores) > 1:
        variance = math.fsum((s - mean) ** 2 for s in scores) / (len(scores) - 1)
        error = math.sqrt(variance / len(scores))
    return Ranked(
        rank=0,
        candidate=candidate.key,
        name=candidate.policy.name,
        origin=candidate.origin,
        score=mean,
        standard_error=error,
        seeds=len(scores),
        iterations=longest,
        collapsed=any(t.collapsed for t in last),
        scores=scores,
        sampling_error=sampling,
    )


def _pooled(entries: list[Ranked]) -> tuple[float, int]:
    """Residual standard deviation and degrees of freedom of the entries with all seeds."""
    most = max((entry.seeds for entry in entries), default=0)
    full = [entry for entry in entries if entry.seeds == most and not entry.collapsed]
    if most < 2 or len(full) < 2:
        return 0.0, 0
    by_seed = [math.fsum(e.scores[i] for e in full) / len(full) for i in range(most)]
    grand = math.fsum(by_seed) / most
    squares = math.fsum(
        (e.scores[i] - e.score - by_seed[i] + grand) ** 2 for e in full for i in range(most)
    )
    freedom = (len(full) - 1) * (most - 1)
    return math.sqrt(squares / freedom), freedom


def _margin(one: Ranked, other: Ranked, deviation: float, freedom: int) -> float:
    """The largest difference that is still a tie."""
    if freedom and one.seeds > 1 and other.seeds > 1:
        quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))
        return quantile * deviation * math.sqrt(1 / one.seeds + 1 / other.seeds)
    quantile = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
    return quantile * math.hypot(one.standard_error, other.standard_error)


def rank(candidates: list[Candidate], trials: list[TrialRecord]) -> list[Ranked]:
    """The ranking of all candidates with a completed trial, best first.

    A longer pretraining ranks before a shorter one: candidates that were stopped early lost to
    those that went on. Collapsed candidates come last.
    """
    completed: dict[str, list[TrialRecord]] = defaultdict(list)
    for trial in trials:
        if trial.state == "completed" and trial.score is not None:
            completed[trial.candidate].append(trial)
    entries = [_entry(c, completed[c.key]) for c in candidates if c.key in completed]
    entries.sort(key=lambda e: (e.collapsed, -e.iterations, -e.score, e.candidate))
    rungs: dict[int, list[Ranked]] = defaultdict(list)
    for place, entry in enumerate(entries):
        entry.rank = place + 1
        rungs[entry.iterations].append(entry)
    for rung in rungs.values():
        deviation, freedom = _pooled(rung)
        for entry in rung:
            entry.tied_with = [
                other.candidate
                for other in rung
                if other is not entry
                and other.collapsed == entry.collapsed
                and abs(other.score - entry.score) <= _margin(entry, other, deviation, freedom)
            ]
    for entry in entries:
        entry.tied_with_best = entry is entries[0] or entries[0].candidate in entry.tied_with
    return entries
