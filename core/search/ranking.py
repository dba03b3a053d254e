"""Rankings with honest errors: means over seeds, standard errors, and ties.

The error of a difference is taken from the residuals of score = candidate + seed + noise, pooled
over the candidates of a rung (`core.search.effects`). With a single seed only the sampling error of
the probe-test images is known, and used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from typing import Any

from scipy import stats

from core.search.effects import Fit, fit
from core.search.history import Candidate, TrialRecord

CONFIDENCE = 0.95


@dataclass
class Ranked:
    """One line of a ranking.

    Attributes:
        score: mean rotation accuracy over seeds, in [0, 1]; where a candidate lacks a seed that
            others have, as if it had had it (`core.search.effects`).
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
    seed_numbers: list[int]
    sampling_error: float = 0.0
    tied_with: list[str] = field(default_factory=list)
    tied_with_best: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _entry(candidate: Candidate, trials: list[TrialRecord]) -> Ranked:
    longest = max(trial.iterations for trial in trials)
    last = sorted((t for t in trials if t.iterations == longest), key=lambda t: t.seed)
    scores = {t.seed: t.score for t in last if t.score is not None}
    mean = math.fsum(scores.values()) / len(scores)
    sampling = math.fsum(t.sampling_error for t in last) / len(last)
    error = sampling
    if len(scores) > 1:
        variance = math.fsum((s - mean) ** 2 for s in scores.values()) / (len(scores) - 1)
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
        scores=list(scores.values()),
        seed_numbers=list(scores),
        sampling_error=sampling,
    )


def _margin(one: Ranked, other: Ranked, fitted: Fit | None) -> float:
    """The largest difference that is still a tie."""
    if fitted is not None and fitted.freedom:
        quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, fitted.freedom))
        return quantile * fitted.error_of_difference(one.candidate, other.candidate)
    quantile = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
    return quantile * math.hypot(one.standard_error, other.standard_error)


def _compare(rung: list[Ranked]) -> None:
    """Scores as if all candidates had had the same seeds, and ties; in place."""
    healthy = [entry for entry in rung if not entry.collapsed]
    fitted = None
    if healthy:
        fitted = fit(
            {e.candidate: dict(zip(e.seed_numbers, e.scores, strict=True)) for e in healthy}
        )
        for entry in healthy:
            entry.score = fitted.means[entry.candidate]
    for entry in rung:
        entry.tied_with = [
            other.candidate
            for other in rung
            if other is not entry
            and other.collapsed == entry.collapsed
            and abs(other.score - entry.score)
            <= _margin(entry, other, None if entry.collapsed else fitted)
        ]


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
    rungs: dict[int, list[Ranked]] = defaultdict(list)
    for entry in entries:
        rungs[entry.iterations].append(entry)
    for rung in rungs.values():
        _compare(rung)
    # Rounded, so that candidates of equal score do not swap places with the order of a sum.
    entries.sort(key=lambda e: (e.collapsed, -e.iterations, -round(e.score, 9), e.candidate))
    for place, entry in enumerate(entries):
        entry.rank = place + 1
        entry.tied_with.sort()
        entry.tied_with_best = place == 0 or entries[0].candidate in entry.tied_with
    return entries
