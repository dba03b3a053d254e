"""Rankings with honest errors: means over seeds, standard errors, and ties.

A candidate counts where it got furthest: in the confirmation, else in the search, else in the base
stage. In the confirmation the first half of the seeds is selected on and the other half reported,
so no number that is reported was selected on.

The error of a difference is taken from the residuals of score = candidate + seed + noise, pooled
over the candidates of a rung (`core.search.effects`). With a single seed only the sampling error of
the probe-test images is known, and used.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

from core.search.effects import Fit, fit
from core.search.history import BASE, CONFIRMATION, SEARCH, Candidate, TrialRecord

CONFIDENCE = 0.95
#: Thousands of candidates have millions of ties.
TIES_KEPT = 50
#: The stages that pretrain candidates, the last first.
_STAGES = (CONFIRMATION, SEARCH, BASE)


@dataclass
class Ranked:
    """One line of a ranking.

    Attributes:
        score: mean of the criterion over the seeds it is selected on (rotation accuracy is in
            [0, 1]); where a candidate lacks a seed that others have, as if it had had it
            (`core.search.effects`).
        standard_error: of that mean over seeds; with one seed, the sampling error of the images.
        reported: the same on images that selection never sees; from a confirmation of two seeds
            or more, over `reported_seeds` that it does not see either. None if not measured.
        untrained: rotation accuracy of the encoders of these seeds before training, if known.
        stage: where the candidate got furthest: confirmation, search or base.
        iterations: length of pretraining at which it was scored (its last rung).
        ties: how many candidates of the same rung cannot be told from this one.
        tied_with: their keys; all of those of the first, of others at most 50.
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
    untrained: float | None = None
    stage: str = SEARCH
    reported: float | None = None
    reported_error: float | None = None
    reported_seeds: list[int] = field(default_factory=list)
    ties: int = 0
    tied_with: list[str] = field(default_factory=list)
    tied_with_best: bool = False

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def _error(values: list[float], alone: float) -> float:
    """Standard error of a mean over seeds; `alone` where there is one value."""
    if len(values) < 2:
        return alone
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))


def _entry(
    candidate: Candidate, trials: list[TrialRecord], selected_on: set[int] | None
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
        name=candidate.policy.name,
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
    )


@lru_cache
def _quantile(freedom: int | None) -> float:
    """Of Student's t, or of the normal distribution: half the width of a 95 % interval."""
    distribution = stats.t(freedom) if freedom else stats.norm
    return float(distribution.ppf(0.5 + CONFIDENCE / 2))


def _place(entry: Ranked) -> tuple[bool, int, int, float, str]:
    """What rankings are ordered by. Rounded, so that candidates of equal score do not swap places
    with the order of a sum.
    """
    stage = _STAGES.index(entry.stage)
    return entry.collapsed, stage, -entry.iterations, -round(entry.score, 9), entry.candidate


def _tie(entries: list[Ranked], fitted: Fit | None) -> None:
    """Note with each entry those that differ from it by less than is needed to tell them from it.

    Args:
        entries: of one rung, all collapsed or none, in the order of their keys.
    """
    keys = np.array([entry.candidate for entry in entries], dtype=object)
    scores = np.array([entry.score for entry in entries])
    errors = np.array([entry.standard_error for entry in entries])
    first = min(entries, key=_place) if entries else None
    for at, entry in enumerate(entries):
        if fitted is not None and fitted.freedom:
            margins = _quantile(fitted.freedom) * fitted.errors_of_differences(entry.candidate)
        else:
            margins = _quantile(None) * np.hypot(errors, entry.standard_error)
        near = np.abs(scores - entry.score) <= margins
        near[at] = False
        entry.ties = int(near.sum())
        tied = keys[near] if entry is first else keys[np.flatnonzero(near)[:TIES_KEPT]]
        entry.tied_with = tied.tolist()


def _compare(rung: list[Ranked]) -> None:
    """Scores as if all candidates had had the same seeds, and ties; in place."""
    ordered = sorted(rung, key=lambda entry: entry.candidate)
    healthy = [entry for entry in ordered if not entry.collapsed]
    fitted = None
    if healthy:
        fitted = fit(
            {e.candidate: dict(zip(e.seed_numbers, e.scores, strict=True)) for e in healthy}
        )
        for entry in healthy:
            entry.score = fitted.means[entry.candidate]
    _tie(healthy, fitted)
    _tie([entry for entry in ordered if entry.collapsed], None)


def _first_half(trials: list[TrialRecord]) -> set[int]:
    """The seeds of a confirmation that are selected on."""
    seeds = sorted({trial.seed for trial in trials})
    return set(seeds[: math.ceil(len(seeds) / 2)])


def _entries(candidates: list[Candidate], trials: list[TrialRecord]) -> list[Ranked]:
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


def rank(candidates: list[Candidate], trials: list[TrialRecord]) -> list[Ranked]:
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
    entries.sort(key=_place)
    best = set(entries[0].tied_with) if entries else set()
    for place, entry in enumerate(entries):
        entry.rank = place + 1
        entry.tied_with_best = place == 0 or entry.candidate in best
    return entries


def top_group(ranking: list[Ranked]) -> list[Ranked]:
    """Those that were measured as the first was: same stage, same length, not collapsed."""
    best = ranking[0]
    return [
        e for e in ranking
        if e.stage == best.stage and e.iterations == best.iterations and not e.collapsed
    ]  # fmt: skip
