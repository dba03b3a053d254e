"""Rankings: means, errors, ties, collapse; against independent calculations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from quarterturn.search.effects import fit
from quarterturn.search.evidence import assess
from quarterturn.search.history import Candidate, TrialRecord
from quarterturn.search.incumbent import baselines
from quarterturn.search.ranking import MOST_TIES, rank
from quarterturn.search.selection import select
from quarterturn.search.spec import parse_search
from tests.search.making import numbered

SPEC = parse_search({})


def _records(
    candidate: Candidate,
    scores: list[float],
    iterations: int = 10,
    collapsed: bool = False,
    **more: Any,
) -> list[TrialRecord]:
    return [
        TrialRecord(
            candidate.key,
            seed,
            iterations,
            state="completed",
            score=score,
            sampling_error=0.02,
            collapsed=collapsed,
            iterations_run=iterations,
            seconds=1.0,
            **more,
        )
        for seed, score in enumerate(scores)
    ]


def test_mean_and_standard_error() -> None:
    (candidate,) = numbered(1)
    scores = [0.61, 0.64, 0.70]
    (entry,) = rank([candidate], _records(candidate, scores))
    assert entry.score == pytest.approx(np.mean(scores))
    assert entry.standard_error == pytest.approx(stats.sem(scores))


def test_ties_are_taken_from_paired_residuals() -> None:
    """Seeds move all candidates alike; a constant difference is no tie, however seeds scatter."""
    one, other, third = numbered(3)
    seeds = np.array([0.50, 0.60, 0.70, 0.55])
    noise = np.array([0.001, -0.001, 0.0005, -0.0005])
    trials = (
        _records(one, list(seeds + 0.02 + noise))
        + _records(other, list(seeds - noise))
        + _records(third, list(seeds - 0.0001))
    )
    first, second, last = rank([one, other, third], trials)
    assert first.candidate == one.key
    assert first.tied_with == []
    assert second.tied_with == [last.candidate]
    assert not second.tied_with_best


def test_the_margin_is_the_quantile_of_two_way_residuals() -> None:
    candidates = numbered(4)
    scores = np.random.default_rng(5).normal(0.6, 0.05, (4, 3))
    trials = [t for c, row in zip(candidates, scores, strict=True) for t in _records(c, list(row))]
    residuals = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    deviation = math.sqrt((residuals**2).sum() / (3 * 2))
    margin = stats.t.ppf(0.975, 6) * deviation * math.sqrt(2 / 3)
    for entry in rank(candidates, trials):
        mine = next(i for i, c in enumerate(candidates) if c.key == entry.candidate)
        expected = {
            candidates[i].key
            for i in range(4)
            if i != mine and abs(scores[i].mean() - scores[mine].mean()) <= margin
        }
        assert set(entry.tied_with) == expected


def test_a_missing_seed_is_no_advantage() -> None:
    """Seed 1 is unlucky for all; who lacks it must not profit from that."""
    none, lacking, third = numbered(3)
    trials = (
        _records(none, [0.80, 0.60]) + _records(lacking, [0.75]) + _records(third, [0.70, 0.50])
    )
    ranking = rank([none, lacking, third], trials)
    assert [entry.candidate for entry in ranking] == [none.key, lacking.key, third.key]
    assert ranking[1].score == pytest.approx(0.65)


def test_the_additive_fit_against_scipy() -> None:
    """Unbalanced scores: effects and residuals of an independent least-squares solver."""
    scores = {
        "a": {0: 0.61, 1: 0.55},
        "b": {1: 0.50, 2: 0.48},
        "c": {0: 0.70, 2: 0.66},
        "d": {1: 0.40},
    }
    fitted = fit(scores)

    def residuals(effects: np.ndarray) -> list[float]:
        return [
            value - effects["abcd".index(c)] - (effects[3 + s] if s else 0.0)
            for c, row in scores.items()
            for s, value in row.items()
        ]

    reference = optimize.least_squares(residuals, np.zeros(6), xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert fitted.freedom == 7 - 6
    assert fitted.deviation == pytest.approx(math.sqrt(2 * reference.cost / 1), rel=1e-5)
    assert fitted.means["c"] - fitted.means["b"] == pytest.approx(
        reference.x[2] - reference.x[1], abs=1e-7
    )


def test_one_seed_uses_the_sampling_error() -> None:
    near, far = numbered(2)
    tied = rank([near, far], _records(near, [0.60]) + _records(far, [0.58]))
    assert tied[1].tied_with_best
    told = rank([near, far], _records(near, [0.60]) + _records(far, [0.50]))
    assert not told[1].tied_with_best
    assert "single_seed" in dict(assess(told).reasons)


def test_collapsed_candidates_and_shorter_rungs_rank_last() -> None:
    best, short, collapsed = numbered(3)
    trials = (
        _records(best, [0.5], 30)
        + _records(short, [0.9], 10)
        + _records(collapsed, [0.95], 30, collapsed=True)
    )
    order = [entry.candidate for entry in rank([best, short, collapsed], trials)]
    assert order == [best.key, short.key, collapsed.key]


def test_no_evidence_is_said() -> None:
    candidates = numbered(3)
    chance = [t for c in candidates for t in _records(c, [0.25, 0.26])]
    evidence = assess(rank(candidates, chance))
    assert evidence.level == "none"
    assert {"rotation_at_chance", "all_tied"} <= dict(evidence.reasons).keys()


def test_the_selection_says_where_it_comes_from() -> None:
    candidates = numbered(2)
    trials = _records(candidates[0], [0.7, 0.72]) + _records(candidates[1], [0.5, 0.51])
    spec = parse_search({"search_space": "single-operation", "seeds": 2})
    policy = select(spec, candidates, rank(candidates, trials), {"dataset": {"digest": "d"}})
    assert policy.digest == candidates[0].policy.digest
    assert policy.selection is not None
    assert policy.selection["rank"] == 1
    assert policy.selection["provenance"]["dataset"] == {"digest": "d"}
    assert policy.selection["provenance"]["versions"]["torch"]


def _dense(scores: dict[str, dict[int, float]]) -> tuple[dict[str, float], float, np.ndarray]:
    """The model as one least-squares problem: means, deviation, and the errors of differences."""
    keys, seeds = sorted(scores), sorted({seed for row in scores.values() for seed in row})
    observed = [(k, s, v) for k in keys for s, v in scores[k].items()]
    design = np.zeros((len(observed), len(keys) + len(seeds)))
    for row, (key, seed, _) in enumerate(observed):
        design[row, keys.index(key)] = design[row, len(keys) + seeds.index(seed)] = 1.0
    values = np.array([value for *_, value in observed])
    inverse = np.linalg.pinv(design.T @ design)
    effects = inverse @ design.T @ values
    freedom = len(observed) - np.linalg.matrix_rank(design)
    deviation = float(np.sqrt(((values - design @ effects) ** 2).sum() / freedom))
    own = inverse[: len(keys), : len(keys)]
    variances = np.diag(own)[:, None] + np.diag(own)[None, :] - 2 * own
    means = dict(zip(keys, effects[: len(keys)] + effects[len(keys) :].mean(), strict=True))
    return means, deviation, deviation * np.sqrt(np.maximum(0.0, variances))


@pytest.mark.parametrize("seed", range(12))
def test_the_fit_is_that_of_the_whole_least_squares_problem(seed: int) -> None:
    """Also where candidates lack seeds that others have."""
    draw = np.random.default_rng(seed)
    scores = {
        f"c{i}": {
            s: float(draw.normal(i * (seed % 2), 1.0)) + s
            for s in range(4)
            if s == 0 or draw.random() < 0.7
        }
        for i in range(7)
    }
    means, deviation, errors = _dense(scores)
    found = fit(scores)
    assert found.means == pytest.approx(means)
    assert found.deviation == pytest.approx(deviation)
    for i, one in enumerate(sorted(scores)):
        for j, other in enumerate(sorted(scores)):
            assert found.error_of_difference(one, other) == pytest.approx(errors[i, j], abs=1e-9)


def test_of_very_many_ties_the_baselines_and_the_nearest_are_named() -> None:
    known = {c.key for c in baselines(SPEC)}
    candidates = [*baselines(SPEC), *(c for c in numbered(60) if c.key not in known)]
    trials = [
        record
        for place, candidate in enumerate(candidates)
        for record in _records(candidate, [0.6 - place / 10_000])
    ]
    ranking = rank(candidates, trials)
    assert all(entry.ties == len(candidates) - 1 for entry in ranking)
    assert all(len(entry.tied_with) == MOST_TIES for entry in ranking)
    assert all(entry.tied_with_best for entry in ranking)
    last = ranking[-1]
    assert known <= set(last.tied_with), "though they are the furthest"
    nearest = [e.candidate for e in ranking[-2::-1] if e.candidate not in known]
    assert set(last.tied_with) == known | set(nearest[: MOST_TIES - len(known)])
