"""Which operations, and how much of them, go with a better score.

Over the candidates of one rung, two questions per operation: do candidates with it score better
than those without it (difference of means), and does more of it go with a better score (slope on
the dose, the expected strength per picture, from none to the largest dose seen). Intervals are
bootstrap percentiles over candidates; p-values are of permutations, corrected for the number of
questions by Holm's method. These are associations within what was searched, not causes: operations
that always come together are one factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from core.policies.operations import OPERATIONS
from core.policies.shares import Share, shares_of
from core.search.fullest import fullest_rung
from core.search.history import Candidate, TrialRecord

#: Below this nothing is said: a permutation of fewer cannot be surprising.
FEWEST_CANDIDATES = 8
#: On either side of a comparison, and distinct doses of a slope.
FEWEST_EACH = 3
_DRAWS = 2000
_SIGNIFICANT = 0.05

Verdict = Literal["better", "worse", "unclear", "too_few"]
Kind = Literal["presence", "dose"]
_Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Effect:
    """One question about one factor.

    Attributes:
        operations: names of operations; several where they cannot be told apart.
        kind: `presence` (with against without) or `dose` (more against less).
        effect: change of the score: from without to with, or from no dose to the largest one.
        low, high: 95 % interval of it, of this question alone.
        p_value: corrected for all questions of the table.
        candidates: with it (presence) or in all (dose).
        verdict: `better` or `worse` if the corrected p-value is below 0.05; `too_few` if there are
            not enough candidates to ask, and then without numbers.
    """

    operations: tuple[str, ...]
    kind: Kind
    candidates: int
    verdict: Verdict
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Importance:
    """The effects, the surest first, and the rung they are of (None where nothing was scored)."""

    stage: str | None
    iterations: int | None
    candidates: int
    enough: bool
    effects: tuple[Effect, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def dose(name: str, share: Share | None) -> float:
    """Expected strength per picture as part of the searched range; of others the rate."""
    if share is None:
        return 0.0
    if share.strength is None:
        return share.rate
    return share.rate * share.strength / OPERATIONS[name].search_limit


def _factors(
    shares: Sequence[Mapping[str, Share]],
) -> list[tuple[tuple[str, ...], _Array]]:
    """Groups of operations with proportional doses, and their doses from 0 to 1."""
    names = [
        name
        for name in ("random_resized_crop", *OPERATIONS)
        if any(name in found for found in shares)
    ]
    groups: dict[bytes, list[str]] = {}
    for name in names:
        doses = np.array([dose(name, found.get(name)) for found in shares])
        if np.ptp(doses) <= 1e-9:
            continue  # the same in every candidate: nothing to compare
        key = np.round(doses / doses.max(), 6).tobytes()
        groups.setdefault(key, []).append(name)
    return [(tuple(group), np.frombuffer(key)) for key, group in groups.items()]


def _slopes(values: _Array, scores: _Array) -> _Array:
    """Least-squares slopes of scores on values along the last axis; nan where values are equal.

    Of a presence of 0 or 1 that is the difference of the two means.
    """
    centred = values - values.mean(-1, keepdims=True)
    squares = (centred**2).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(squares > 1e-12, (centred * scores).sum(-1) / squares, np.nan)


def _ask(names: tuple[str, ...], kind: Kind, values: _Array, scores: _Array, seed: int) -> Effect:
    """Effect, interval and uncorrected p-value of one question."""
    effect = float(_slopes(values, scores))
    random = np.random.default_rng(seed)
    size = len(scores)
    drawn = random.integers(0, size, (_DRAWS, size))
    low, high = np.nanpercentile(_slopes(values[drawn], scores[drawn]), (2.5, 97.5))
    permuted = random.permuted(np.broadcast_to(scores, (_DRAWS, size)), axis=1)
    as_large = int((np.abs(_slopes(values, permuted)) >= abs(effect) - 1e-12).sum())
    count = int(values.sum()) if kind == "presence" else size
    p_value = (as_large + 1) / (_DRAWS + 1)
    return Effect(names, kind, count, "unclear", effect, float(low), float(high), p_value)


def _corrected(effects: Sequence[Effect]) -> list[Effect]:
    """Holm's correction, verdicts, the surest first."""
    ordered = sorted(effects, key=lambda e: (e.p_value or 0.0, e.operations, e.kind))
    found = []
    largest = 0.0
    for place, effect in enumerate(ordered):
        assert effect.p_value is not None
        assert effect.effect is not None
        largest = max(largest, min(1.0, effect.p_value * (len(ordered) - place)))
        verdict: Verdict = "unclear"
        if largest < _SIGNIFICANT:
            verdict = "better" if effect.effect > 0 else "worse"
        values = {**asdict(effect), "p_value": largest, "verdict": verdict}
        found.append(Effect(**values))
    return found


def effects_of(
    shares: Sequence[Mapping[str, Share]], scores: Sequence[float], *, seed: int = 0
) -> list[Effect]:
    """The effects of operations on scores.

    Args:
        shares: of each candidate, from `core.policies.shares`.
        scores: one each, larger being better.
        seed: of bootstrap and permutations; the same seed gives the same table.
    """
    values = np.asarray(scores, dtype=float)
    asked: list[Effect] = []
    unasked: list[Effect] = []
    for names, doses in _factors(shares):
        present = doses > 0
        sides = (int(present.sum()), int((~present).sum()))
        if min(sides) >= FEWEST_EACH and len(values) >= FEWEST_CANDIDATES:
            asked.append(_ask(names, "presence", present.astype(float), values, seed))
        elif min(sides) > 0:
            unasked.append(Effect(names, "presence", sides[0], "too_few"))
        if len(np.unique(doses[present])) < 2:
            continue  # one strength only: the dose is the presence
        if len(np.unique(doses)) >= FEWEST_EACH and len(values) >= FEWEST_CANDIDATES:
            asked.append(_ask(names, "dose", doses, values, seed))
        else:
            unasked.append(Effect(names, "dose", len(values), "too_few"))
    return [*_corrected(asked), *unasked]


def importance(
    trials: Sequence[TrialRecord], candidates: Sequence[Candidate], *, seed: int = 0
) -> Importance:
    """Of the searched candidates of a job; baselines differ in everything at once and are left out.

    Takes the rung in which most of them were compared; collapsed candidates are left out.
    """
    searched = list({c.key: c for c in candidates if c.origin != "baseline"}.values())
    rung = fullest_rung(trials, searched)
    if rung is None:
        return Importance(None, None, 0, False, ())
    measured = [c for c in searched if c.key in rung.scores]
    found = effects_of(
        [shares_of(c.policy) for c in measured], [rung.scores[c.key] for c in measured], seed=seed
    )
    enough = any(effect.verdict != "too_few" for effect in found)
    return Importance(rung.stage, rung.iterations, len(measured), enough, tuple(found))
