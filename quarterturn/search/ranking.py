"""Rankings with honest errors: means over seeds, standard errors, and ties.

A candidate counts where it got furthest: in the confirmation, else in the search, else in the base
stage. In the confirmation the first half of the seeds is selected on and the other half reported,
so no number that is reported was selected on.

The error of a difference is taken from the residuals of score = candidate + seed + noise, pooled
over the candidates of a rung (`quarterturn.search.effects`). With a single seed only the sampling
error of the probe-test images is known, and used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

from quarterturn.pretrain.outcome import VOTERS
from quarterturn.search.effects import Fit, fit
from quarterturn.search.history import (
    BASE,
    CONFIRMATION,
    SEARCH,
    Candidate,
    Entrant,
    TrialRecord,
)

CONFIDENCE = 0.95
#: The stages that pretrain candidates, the last first.
_STAGES = (CONFIRMATION, SEARCH, BASE)
#: Ties of one candidate that are named; of thousands each may be tied with each.
MOST_TIES = 20


@dataclass
class Ranked:
    """One line of a ranking.

    Attributes:
        score: mean of the criterion over the seeds it is selected on (rotation accuracy is in
            [0, 1]); where a candidate lacks a seed that others have, as if it had had it
            (`quarterturn.search.effects`).
        standard_error: of that mean over seeds; with one seed, the sampling error of the images.
        reported: the same on images that selection never sees; from a confirmation of two seeds
            or more, over `reported_seeds` that it does not see either. None if not measured.
        untrained: rotation accuracy of the encoders of these seeds before training, if known.
        stage: where the candidate got furthest: confirmation, search or base.
        iterations: length of pretraining at which it was scored (its last rung).
        ties: how many candidates of the same rung cannot be told from this one.
        tied_with: their keys; of more than `MOST_TIES` the baselines and the nearest.
        tied_with_best: whether the first of the ranking is one of them, or this is the first.
        criteria: means of what the criterion `auto` decides by, over the seeds selected on.
        probability: with `auto`, P(at least as good as the incumbent), from what is reported where
            there is such.
        interval: with `auto`, where the gain lies in four cases of five.
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
    untrained: float | None = None
    stage: str = SEARCH
    reported: float | None = None
    reported_error: float | None = None
    reported_seeds: list[int] = field(default_factory=list)
    ties: int = 0
    tied_with: list[str] = field(default_factory=list)
    tied_with_best: bool = False
    criteria: dict[str, float] = field(default_factory=dict)
    probability: float | None = None
    interval: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))  # of thousands of lines, whose lists nobody changes


def _error(values: list[float], alone: float) -> float:
    """Standard error of a mean over seeds; `alone` where there is one value."""
    if len(values) < 2:
        return alone
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


def _mean_criteria(trials: list[TrialRecord]) -> dict[str, float]:
    """Of the criteria that all these trials have."""
    names = set.intersection(*(set(trial.criteria) for trial in trials)) & set(VOTERS)
    return {
        name: math.fsum(trial.criteria[name] for trial in trials) / len(trials)
        for name in VOTERS
        if name in names
    }


def _entry(
    candidate: Candidate | Entrant, trials: list[TrialRecord], selected_on: set[int] | None
) -> Ranked | None:
    """The line of a candidate; None if none of its seeds is one that is selected on."""
    longest = max(trial.iterations for trial in trials)
    last = sorted((t for t in trials if t.iterations == longest), key=lambda t: t.seed)
    seen = [t for t in last if selected_on is None or t.seed in selected_on]
    rest = [t for t in last if t not in seen] or seen
    if not seen:
        return None
    scores = {t.seed: t.score for t in seen if t.score is not None}
    held_out = {t.seed: t.held_out for t in rest if t.held_out is not None}
    mean = math.fsum(scores.values()) / len(scores)
    sampling = math.fsum(t.sampling_error for t in seen) / len(seen)
    unseen = list(held_out.values())
    untrained = [t.untrained for t in seen if t.untrained is not None]
    return Ranked(
        rank=0,
        candidate=candidate.key,
        name=candidate.name,
        origin=candidate.origin,
        score=mean,
        standard_error=_error(list(scores.values()), sampling),
        seeds=len(scores),
        iterations=longest,
        collapsed=any(t.collapsed for t in last),
        scores=list(scores.values()),
        seed_numbers=list(scores),
        sampling_error=sampling,
        untrained=math.fsum(untrained) / len(untrained) if untrained else None,
        stage=last[0].task,
        reported=math.fsum(unseen) / len(unseen) if unseen else None,
        reported_error=_error(unseen, sampling) if unseen else None,
        reported_seeds=list(held_out),
        criteria=_mean_criteria(seen),
    )


@lru_cache
def _quantile(freedom: int | None) -> float:
    """Of Student's t, or of the normal distribution: half the width of a 95 % interval."""
    distribution = stats.t(freedom) if freedom else stats.norm
    return float(distribution.ppf(0.5 + CONFIDENCE / 2))


def _margins(place: int, rung: list[Ranked], errors: np.ndarray, fitted: Fit | None) -> np.ndarray:
    """The largest differences of one of a rung from each that are still ties."""
    if fitted is not None and fitted.freedom:
        wide = _quantile(fitted.freedom) * fitted.errors_of_difference(rung[place].candidate)
    else:
        wide = _quantile(None) * np.hypot(errors[place], errors)
    return np.asarray(wide)


def _nearest(tied: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """The ties that are named: all, or of very many the nearest."""
    if len(tied) <= MOST_TIES:
        return tied
    return np.sort(tied[np.argpartition(distances[tied], MOST_TIES)[:MOST_TIES]])


def _tie(rung: list[Ranked], fitted: Fit | None) -> None:
    """Who cannot be told from whom; in place. The rung is in the order of its keys."""
    scores = np.array([entry.score for entry in rung])
    errors = np.array([entry.standard_error for entry in rung])
    keys = np.array([entry.candidate for entry in rung])
    baseline = np.array([entry.origin == "baseline" for entry in rung])
    first = min(range(len(rung)), key=lambda place: _order(rung[place]), default=0)
    for place, entry in enumerate(rung):
        distances = np.abs(scores - entry.score)
        near = distances <= _margins(place, rung, errors, fitted)
        near[place] = False
        tied = np.flatnonzero(near)
        entry.ties = len(tied)
        entry.tied_with_best = bool(near[first])
        # Baselines are nearer than anything: whoever is tied with one is to know.
        named = _nearest(tied, np.where(baseline, -1.0, distances))
        entry.tied_with = keys[named].tolist()


def _compare(rung: list[Ranked]) -> None:
    """Scores as if all candidates had had the same seeds, and ties; in place."""
    rung = sorted(rung, key=lambda entry: entry.candidate)
    healthy = [entry for entry in rung if not entry.collapsed]
    fitted = None
    if healthy:
        fitted = fit(
            {e.candidate: dict(zip(e.seed_numbers, e.scores, strict=True)) for e in healthy}
        )
        for entry in healthy:
            entry.score = fitted.means[entry.candidate]
    _tie(healthy, fitted)
    _tie([entry for entry in rung if entry.collapsed], None)


def _order(entry: Ranked) -> tuple[float, str]:
    # Rounded, so that candidates of equal score do not swap places with the order of a sum.
    return -round(entry.score, 9), entry.candidate


def _first_half(trials: list[TrialRecord]) -> set[int]:
    """The seeds of a confirmation that are selected on."""
    seeds = sorted({trial.seed for trial in trials})
    return set(seeds[: math.ceil(len(seeds) / 2)])


def _entries(candidates: Sequence[Candidate | Entrant], trials: list[TrialRecord]) -> list[Ranked]:
    """One line per candidate, of the stage it got furthest in."""
    found: dict[str, Ranked] = {}
    staged = [stage for stage in _STAGES if any(t.task == stage for t in trials)]
    for stage in staged:
        if stage == BASE and len(staged) > 1:
            continue  # its lengths and its purpose are others
        here = [t for t in trials if t.task == stage]
        selected_on = _first_half(here) if stage == CONFIRMATION else None
        own: dict[str, list[TrialRecord]] = defaultdict(list)
        for trial in here:
            own[trial.candidate].append(trial)
        for candidate in candidates:
            if candidate.key in own and candidate.key not in found:
                entry = _entry(candidate, own[candidate.key], selected_on)
                if entry is not None:
                    found[candidate.key] = entry
    return list(found.values())


def rank(candidates: Sequence[Candidate | Entrant], trials: list[TrialRecord]) -> list[Ranked]:
    """The ranking of all candidates with a completed trial, best first.

    The confirmation ranks before the search, and a longer pretraining before a shorter one:
    candidates that were stopped early lost to those that went on. Collapsed candidates come last.
    """
    completed = [t for t in trials if t.state == "completed" and t.score is not None]
    entries = _entries(candidates, completed)
    rungs: dict[tuple[str, int], list[Ranked]] = defaultdict(list)
    for entry in entries:
        rungs[entry.stage, entry.iterations].append(entry)
    for rung in rungs.values():
        _compare(rung)
    entries.sort(key=lambda e: (e.collapsed, _STAGES.index(e.stage), -e.iterations, *_order(e)))
    for place, entry in enumerate(entries):
        entry.rank = place + 1
        alike = (entry.collapsed, entry.stage, entry.iterations) == (
            entries[0].collapsed,
            entries[0].stage,
            entries[0].iterations,
        )
        entry.tied_with_best = place == 0 or (alike and entry.tied_with_best)
    return entries


def top_group(ranking: list[Ranked]) -> list[Ranked]:
    """Those that were measured as the first was: same stage, same length, not collapsed."""
    best = ranking[0]
    return [
        e
        for e in ranking
        if e.stage == best.stage and e.iterations == best.iterations and not e.collapsed
    ]
