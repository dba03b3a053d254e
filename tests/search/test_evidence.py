"""Evidence: none, weak, clear; the F test against scipy; what is handed out without any."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.search.evidence import Evidence, assess
from quarterturn.search.history import BASE, CONFIRMATION, SEARCH, Candidate, TrialRecord
from quarterturn.search.ranking import Ranked, rank
from quarterturn.search.selection import select
from quarterturn.search.spec import parse_search
from tests.search.making import numbered

MOCO = Candidate.of(BASELINES["moco_v2"](), "baseline")
NONE = Candidate.of(BASELINES["none"](), "baseline")
SPEC = parse_search({"search_space": "single-operation"})
#: Scores by seed, of each candidate.
Table = list[tuple[Candidate, Any]]


def _records(candidate: Candidate, scores: Any, **more: Any) -> list[TrialRecord]:
    return [
        TrialRecord(
            candidate.key,
            seed,
            10,
            state="completed",
            score=float(score),
            held_out=float(score) - 0.01,
            **{"sampling_error": 0.005, **more},
        )
        for seed, score in enumerate(scores)
    ]


def _ranked(table: Table, **more: Any) -> list[Ranked]:
    trials = [t for candidate, scores in table for t in _records(candidate, scores, **more)]
    return rank([candidate for candidate, _ in table], trials)


def _table(scores: Any, candidates: list[Candidate] | None = None) -> Table:
    return list(zip(candidates or numbered(len(scores)), scores, strict=True))


def _codes(evidence: Evidence) -> set[str]:
    return {code for code, _ in evidence.reasons}


def _two_way_p(scores: np.ndarray) -> float:
    """Two-way analysis of variance without interaction, balanced: the effect of rows."""
    rows, columns = scores.shape
    residuals = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    between = columns * ((scores.mean(1) - scores.mean()) ** 2).sum() / (rows - 1)
    freedom = (rows - 1) * (columns - 1)
    return float(stats.f.sf(between / ((residuals**2).sum() / freedom), rows - 1, freedom))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", [(2, 2), (4, 3), (9, 5)])
def test_the_p_value_is_that_of_a_two_way_analysis_of_variance(
    shape: tuple[int, int], seed: int
) -> None:
    """Seeds that lift all candidates count for nothing."""
    rng = np.random.default_rng(seed)
    scores = 0.6 + rng.normal(0, 0.03, shape) + rng.normal(0, 0.1, shape[1])
    scores += 0.02 * (seed % 3) * np.arange(shape[0])[:, None]
    evidence = assess(_ranked(_table(scores)))
    expected = _two_way_p(scores)
    assert evidence.p_value == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert ("all_tied" in _codes(evidence)) == (expected > 0.05)


def test_two_candidates_give_the_p_value_of_a_paired_t_test() -> None:
    rng = np.random.default_rng(3)
    scores = rng.normal(0.6, 0.02, (2, 6)) + rng.normal(0, 0.1, 6)
    expected = stats.ttest_rel(scores[0], scores[1]).pvalue
    assert assess(_ranked(_table(scores))).p_value == pytest.approx(expected, rel=1e-6)


def test_equal_candidates_are_called_tied_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    levels = [
        assess(_ranked(_table(0.6 + rng.normal(0, 0.02, (6, 3)) + rng.normal(0, 0.1, 3)))).level
        for _ in range(300)
    ]
    assert 0.92 < np.mean([level == "none" for level in levels]) < 0.98


@pytest.mark.parametrize("criterion", ["rotation", "infonce", "rankme"])
def test_at_chance_there_is_no_evidence(criterion: str) -> None:
    """Candidates differ clearly, but the best guesses; other criteria know no chance."""
    ranking = _ranked(_table(np.array([[0.268, 0.269], [0.250, 0.251], [0.200, 0.201]])))
    evidence = assess(ranking, criterion)
    assert ("rotation_at_chance" in _codes(evidence)) == (criterion == "rotation")
    assert evidence.level == ("none" if criterion == "rotation" else "clear")


PLAIN = Candidate.of(BASELINES["crop_flip"](), "baseline")


def test_no_better_than_an_untrained_encoder_is_no_evidence() -> None:
    """However far from chance, and however clear the differences."""
    table = _table(np.array([[0.60, 0.601], [0.50, 0.501]]), [*numbered(1), PLAIN])
    assert assess(_ranked(table, untrained=0.40)).level == "clear"
    evidence = assess(_ranked(table, untrained=0.595))
    assert (evidence.level, "rotation_not_learnt" in _codes(evidence)) == ("none", True)
    assert "59.5 %" in evidence.reasons[0][1]
    assert "rotation_not_learnt" not in _codes(assess(_ranked(table, untrained=0.58)))
    assert assess(_ranked(table, untrained=0.595), "rankme").level == "clear"


def test_where_plain_pretraining_teaches_no_rotation_the_first_is_in_doubt() -> None:
    table = _table(np.array([[0.80, 0.801], [0.50, 0.502]]), [*numbered(1), PLAIN])
    evidence = assess(_ranked(table, untrained=0.495))
    assert (evidence.level, _codes(evidence)) == ("weak", {"rotation_erased"})
    assert "50.1 against 49.5 %" in evidence.reasons[0][1]
    assert assess(_ranked(table, untrained=0.48)).level == "clear"
    assert assess(_ranked(table, untrained=0.70)).level == "weak"
    assert assess(_ranked(table, untrained=0.70), "composite").level == "clear"
    without = _table(np.array([[0.80, 0.801], [0.50, 0.501]]), numbered(2))
    assert assess(_ranked(without, untrained=0.70)).level == "clear", "nothing to tell it by"


def test_what_the_sampling_error_allows_is_at_chance_too() -> None:
    table = _table(np.array([[0.35, 0.351], [0.20, 0.201]]))
    assert assess(_ranked(table, sampling_error=0.02)).level == "clear"
    assert "rotation_at_chance" in _codes(assess(_ranked(table, sampling_error=0.05)))


@pytest.mark.parametrize("candidates", [2, 3, 5, 9, 12])
@pytest.mark.parametrize("score", [0.3, 0.5, 0.61, 0.7, 1 / 3, 0.123])
def test_exactly_equal_candidates_are_no_evidence(candidates: int, score: float) -> None:
    """Rounding in the fit must not become a difference."""
    scores = np.tile(score + 0.01 * np.arange(4), (candidates, 1))
    evidence = assess(_ranked(_table(scores)), "rankme")
    assert "all_tied" in _codes(evidence), evidence
    assert evidence.level == "none"


def test_weak_and_clear() -> None:
    noise = np.array([0.001, -0.001, 0.0005, -0.0005])
    clear = np.stack((0.8 + noise, 0.6 - noise, 0.5 + noise[::-1]))
    assert assess(_ranked(_table(clear))).level == "clear"
    assert assess(_ranked(_table(clear))).reasons == ()

    close = np.stack((0.8002 + noise, 0.8 - noise, 0.5 + noise[::-1]))
    evidence = assess(_ranked(_table(close)))
    assert (evidence.level, _codes(evidence)) == ("weak", {"tied_with_others"})

    beside = _table(close, [*numbered(1), MOCO, NONE])
    evidence = assess(_ranked(beside))
    assert _ranked(beside)[0].origin == "search"
    assert (evidence.level, _codes(evidence)) == ("weak", {"tied_with_baseline"})

    once = assess(_ranked(_table(clear[:, :1])))
    assert (once.level, _codes(once), once.p_value) == ("weak", {"single_seed"}, None)


def test_all_tied_with_one_seed_is_no_evidence() -> None:
    tied = np.array([[0.60], [0.601], [0.602]])
    assert assess(_ranked(_table(tied))).level == "none"
    apart = np.array([[0.60], [0.601], [0.702]])
    assert assess(_ranked(_table(apart))).level == "weak"


def test_a_ranking_of_collapsed_candidates_is_no_evidence() -> None:
    ranking = _ranked(_table(np.array([[0.6, 0.7], [0.5, 0.4]])), collapsed=True)
    evidence = assess(ranking)
    assert (evidence.level, evidence.p_value) == ("none", None)
    assert "collapsed" in _codes(evidence)


def _selected(table: Table) -> Policy:
    return select(SPEC, [candidate for candidate, _ in table], _ranked(table), {})


def test_without_evidence_the_usual_recipe_is_handed_out_and_says_so() -> None:
    scores = np.array([[0.61, 0.55, 0.58], [0.60, 0.57, 0.57], [0.60, 0.56, 0.58]])
    table = _table(scores, [*numbered(1), MOCO, NONE])
    policy = _selected(table)
    assert policy.digest == MOCO.policy.digest
    selection = policy.selection
    assert selection is not None
    assert selection["evidence"]["level"] == "none"
    (warning,) = [w for w in selection["warnings"] if w["code"] == "no_evidence"]
    assert "moco_v2 is used as the default" in warning["message"]
    assert "all_tied" in {w["code"] for w in selection["warnings"]}
    assert selection["score"] == pytest.approx(np.mean(scores[1]) - 0.01, abs=1e-6)
    place = next(e.rank for e in _ranked(table) if e.candidate == MOCO.key)
    assert selection["rank"] == place


def test_with_evidence_the_first_is_handed_out_whatever_it_is() -> None:
    clear = np.array([[0.8, 0.801], [0.6, 0.6005], [0.5, 0.5002]])
    searched = _selected(_table(clear, [*numbered(1), MOCO, NONE]))
    assert searched.digest == numbered(1)[0].policy.digest
    assert searched.selection is not None
    assert not {"no_evidence", "baseline_selected"} & {
        w["code"] for w in searched.selection["warnings"]
    }
    baseline = _selected(_table(clear, [NONE, MOCO, *numbered(1)]))
    assert baseline.digest == NONE.policy.digest
    assert baseline.selection is not None
    assert "baseline_selected" in {w["code"] for w in baseline.selection["warnings"]}


@pytest.mark.parametrize("reason", ["everything collapsed", "only the base stage", "it failed"])
def test_nothing_else_is_called_the_usual_recipe(reason: str) -> None:
    """Without evidence, where the recipe was not measured like the first or is no better off."""
    candidates = numbered(3)
    trials = [t for c in candidates for t in _records(c, [0.6, 0.6], sampling_error=0.05)]
    if reason == "everything collapsed":
        candidates = [*candidates, MOCO]
        trials = [t for c in candidates for t in _records(c, [0.6, 0.59], collapsed=True)]
    elif reason == "only the base stage":
        trials = [t for c in candidates for t in _records(c, [0.26, 0.25], task=BASE)]
    else:
        trials.append(TrialRecord(MOCO.key, 0, 10, state="failed"))
        candidates = [*candidates, MOCO]
    ranking = rank(candidates, trials)
    assert assess(ranking).level == "none"
    policy = select(SPEC, candidates, ranking, {})
    assert policy.selection is not None
    text = " ".join(w["message"] for w in policy.selection["warnings"])
    assert policy.digest == MOCO.policy.digest or "usual recipe" not in text, text


def test_candidates_measured_otherwise_do_not_count_as_evidence() -> None:
    """A bad candidate that fell on a lower rung or before the confirmation proves nothing."""
    good, bad, worse = numbered(3)
    trials = [
        *_records(good, [0.61, 0.60], task=CONFIRMATION),
        *_records(MOCO, [0.60, 0.61], task=CONFIRMATION),
        *_records(bad, [0.30, 0.31], task=SEARCH),
        *_records(worse, [0.20, 0.21], task=BASE),
    ]
    ranking = rank([good, MOCO, bad, worse], trials)
    assert [e.stage for e in ranking] == [CONFIRMATION, CONFIRMATION, SEARCH]
    evidence = assess(ranking)
    assert (evidence.level, "all_tied" in _codes(evidence)) == ("none", True)


def _f_statistic(scores: np.ndarray) -> float:
    rows, columns = scores.shape
    residuals = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    between = columns * ((scores.mean(1) - scores.mean()) ** 2).sum() / (rows - 1)
    return float(between / ((residuals**2).sum() / ((rows - 1) * (columns - 1))))


def test_separation_is_the_variance_between_candidates_over_that_of_the_noise() -> None:
    """By the analysis of variance of a balanced table: (F - 1) / seeds."""
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(200):
        truth = 0.6 + rng.normal(0, 0.02, (12, 1))
        scores = truth + rng.normal(0, 0.05, 4) + rng.normal(0, 0.01, (12, 4))
        evidence = assess(_ranked(_table(scores)))
        expected = max(0.0, (_f_statistic(scores) - 1) / 4)
        assert evidence.separation == pytest.approx(expected, rel=1e-6)
        ratios.append(evidence.separation)
    assert np.mean(ratios) == pytest.approx(4.0, rel=0.1), "0.02 squared over 0.01 squared"
    flat = [
        assess(_ranked(_table(0.6 + rng.normal(0, 0.01, (8, 4))))).separation for _ in range(50)
    ]
    assert np.mean([value or 0.0 for value in flat]) < 0.2
    assert assess(_ranked(_table(rng.normal(0.6, 0.01, (4, 1))))).separation is None


def test_a_warm_start_that_tells_nothing_apart_says_so() -> None:
    rng = np.random.default_rng(4)
    blurred = 0.6 + rng.normal(0, 0.01, (6, 3))
    while _two_way_p(blurred) < 0.2:
        blurred = 0.6 + rng.normal(0, 0.01, (6, 3))
    cold = assess(_ranked(_table(blurred)))
    warm = assess(_ranked(_table(blurred)), warm_start=True)
    assert "warm_start_unseparated" not in _codes(cold)
    assert "warm_start_unseparated" in _codes(warm)
    assert (cold.warm_start, warm.warm_start) == (False, True)
    assert warm.to_dict()["separation"] == cold.to_dict()["separation"]
    apart = blurred + 0.1 * np.arange(6)[:, None]
    assert "warm_start_unseparated" not in _codes(assess(_ranked(_table(apart)), warm_start=True))
