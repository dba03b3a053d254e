"""Which operations, and how much of them, go with a better score.

Over the candidates of one rung, two questions per operation: do candidates with it score better
than those without it (difference of means), and does more of it go with a better score (slope on
the dose, the expected strength per picture, from none to the largest dose seen). Intervals are
bootstrap percentiles over candidates; p-values are of permutations, corrected for the number of
questions by Holm's method. These are associations within what was searched, not causes: operations
that always come together are one factor.

Policies of slots, which differ by one change, allow more: what each level of a slot is worth, all
other slots equal (`quarterturn.search.operation_effects`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.shares import Share
from quarterturn.policy.slots import Slots, name_slots
from quarterturn.search.fullest import fullest_rung
from quarterturn.search.history import TrialRecord
from quarterturn.search.operation_effects import fit_effects

#: Below this nothing is said: a permutation of fewer cannot be surprising.
FEWEST_CANDIDATES = 8
#: On either side of a comparison, and distinct doses of a slope.
FEWEST_EACH = 3
_DRAWS = 2000
#: Of one part of the draws.
_NUMBERS_AT_ONCE = 1_000_000
_SIGNIFICANT = 0.05
#: Half of a 95 % interval, in standard errors.
_Z = 1.96

#: What is asked of a factor, in words, by kind.
QUESTIONS = {
    "presence": "with against without",
    "dose": "none to most of it",
    "level": "this against nothing in its place, all else equal",
}

Verdict = Literal["better", "worse", "unclear", "too_few"]
Kind = Literal["presence", "dose", "level"]
_Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Effect:
    """One question about one factor.

    Attributes:
        operations: names of operations; several where they cannot be told apart.
        kind: `presence` (with against without), `dose` (more against less) or `level` (a slot at
            this level against an empty one, the others equal).
        effect: change of the score: from without to with, or from no dose to the largest one.
        low, high: 95 % interval of it, of this question alone.
        p_value: corrected for all questions of the table; a level has none.
        candidates: with it (presence, level) or in all (dose).
        verdict: `better` or `worse` if the corrected p-value is below 0.05, or of a level the
            interval leaves zero out; `too_few` if there are not enough candidates to ask, and then
            without numbers.
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


@dataclass(frozen=True)
class _Question:
    """What is asked of a factor: values (candidates,) that the score may go with."""

    operations: tuple[str, ...]
    kind: Kind
    values: _Array


def _resampled(values: _Array, scores: _Array, random: np.random.Generator, draws: int) -> _Array:
    """Slopes (draws, questions) over candidates drawn with replacement; nan where values are equal.

    Args:
        values: (questions, candidates), centred.
        scores: (candidates,), centred.
    """
    size = len(scores)
    drawn = random.integers(0, size, (draws, size)) + size * np.arange(draws)[:, None]
    weights = np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size) / size
    means = weights @ values.T
    squares = weights @ (values**2).T - means**2
    products = weights @ (values * scores).T - means * (weights @ scores)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(squares > 1e-12, products / squares, np.nan)


def _ask(questions: Sequence[_Question], scores: _Array, seed: int) -> list[Effect]:
    """Effects, intervals and uncorrected p-values.

    Slopes are by least squares; of a presence of 0 or 1 that is the difference of the two means.
    All questions share the draws, which are made in parts that fit into memory.
    """
    if not questions:
        return []
    random = np.random.default_rng(seed)
    size = len(scores)
    values = np.stack([question.values for question in questions])
    values = values - values.mean(axis=1, keepdims=True)
    scores = scores - scores.mean()
    squares = (values**2).sum(axis=1)
    effects = values @ scores / squares
    part = max(1, _NUMBERS_AT_ONCE // size)
    slopes = []
    as_large = np.zeros(len(questions), dtype=int)
    for begin in range(0, _DRAWS, part):
        draws = min(part, _DRAWS - begin)
        slopes.append(_resampled(values, scores, random, draws))
        permuted = random.permuted(np.broadcast_to(scores, (draws, size)), axis=1)
        chance = permuted @ values.T / squares
        as_large += (np.abs(chance) >= np.abs(effects) - 1e-12).sum(axis=0)
    low, high = np.nanpercentile(np.concatenate(slopes), (2.5, 97.5), axis=0)
    return [
        Effect(
            asked.operations,
            asked.kind,
            int(asked.values.sum()) if asked.kind == "presence" else size,
            "unclear",
            float(effects[n]),
            float(low[n]),
            float(high[n]),
            (int(as_large[n]) + 1) / (_DRAWS + 1),
        )
        for n, asked in enumerate(questions)
    ]


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
        shares: of each candidate, from `quarterturn.policy.shares`.
        scores: one each, larger being better.
        seed: of bootstrap and permutations; the same seed gives the same table.
    """
    values = np.asarray(scores, dtype=float)
    asked: list[_Question] = []
    unasked: list[Effect] = []
    for names, doses in _factors(shares):
        present = doses > 0
        sides = (int(present.sum()), int((~present).sum()))
        if min(sides) >= FEWEST_EACH and len(values) >= FEWEST_CANDIDATES:
            asked.append(_Question(names, "presence", present.astype(float)))
        elif min(sides) > 0:
            unasked.append(Effect(names, "presence", sides[0], "too_few"))
        if len(np.unique(doses[present])) < 2:
            continue  # one strength only: the dose is the presence
        if len(np.unique(doses)) >= FEWEST_EACH and len(values) >= FEWEST_CANDIDATES:
            asked.append(_Question(names, "dose", doses))
        else:
            unasked.append(Effect(names, "dose", len(values), "too_few"))
    return [*_corrected(_ask(asked, values, seed)), *unasked]


def _of_slots(
    trials: Sequence[TrialRecord], slots: Mapping[str, Slots | None]
) -> Importance | None:
    """What levels of slots are worth, the largest first; None where too few were scored."""
    known = {key: found for key, found in slots.items() if found is not None}
    rung = fullest_rung(trials, known)
    if rung is None or len(rung.scores) < FEWEST_CANDIDATES:
        return None
    count = len(rung.scores)
    fitted = fit_effects([(known[key], rung.scores[key]) for key in sorted(rung.scores)])
    effects = []
    for item in fitted.to_list():
        if item.policies == count:
            continue  # in every candidate: nothing to compare
        low, high = item.effect - _Z * item.error, item.effect + _Z * item.error
        verdict: Verdict = "better" if low > 0 else "worse" if high < 0 else "unclear"
        named = (name_slots({item.slot: item.level}),)
        effects.append(Effect(named, "level", item.policies, verdict, item.effect, low, high, None))
    return Importance(rung.stage, rung.iterations, count, bool(effects), tuple(effects))


def importance(
    trials: Sequence[TrialRecord],
    shares: Mapping[str, Mapping[str, Share]],
    slots: Mapping[str, Slots | None] | None = None,
    *,
    seed: int = 0,
) -> Importance:
    """Of the candidates of a job, in the rung in which most of them were compared; collapsed
    candidates are left out.

    Args:
        shares: of each searched candidate, by its key; baselines differ in everything at once and
            are left out.
        slots: of each candidate, baselines included, where the search was one of recipes.
    """
    of_slots = _of_slots(trials, slots) if slots else None
    if of_slots is not None:
        return of_slots
    rung = fullest_rung(trials, shares)
    if rung is None:
        return Importance(None, None, 0, False, ())
    measured = [key for key in shares if key in rung.scores]
    found = effects_of(
        [shares[key] for key in measured], [rung.scores[key] for key in measured], seed=seed
    )
    enough = any(effect.verdict != "too_few" for effect in found)
    return Importance(rung.stage, rung.iterations, len(measured), enough, tuple(found))
