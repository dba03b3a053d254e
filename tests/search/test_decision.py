"""The criterion `auto`: from criteria to an expected gain and a probability."""

from __future__ import annotations

import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.pretrain.outcome import VOTERS
from quarterturn.search.decision.decide import Decision, make_decision, score_by_gain
from quarterturn.search.decision.model import load_model, read_model
from quarterturn.search.history import Candidate, History, TrialRecord
from quarterturn.search.incumbent import incumbent
from quarterturn.search.spec import parse_search
from quarterturn.search.standing import standing
from quarterturn.search.strategies.recipes import opening

SPEC = parse_search({})
CANDIDATES = opening(SPEC)
FIRST = incumbent(SPEC).key


def _record(candidate: Candidate, seed: int = 0, **votes: float) -> TrialRecord:
    rotation = votes.get("rotation", 0.5)
    return TrialRecord(candidate.key, seed, 300, state="completed", score=rotation, criteria=votes)


def _history(voters: tuple[str, ...] = VOTERS, seeds: int = 1) -> History:
    trials = []
    for seed in range(seeds):
        for candidate in CANDIDATES:
            draws = random.Random(f"{candidate.key} {seed}")
            votes = {name: 0.3 + 0.05 * draws.random() for name in voters}
            trials.append(_record(candidate, seed, **votes))
    return History(tuple(trials))


def _decision(history: History) -> Decision:
    decision = make_decision(SPEC, history)
    assert decision is not None
    return decision


def test_the_incumbent_gains_nothing_over_itself() -> None:
    judged = score_by_gain(SPEC, _history(seeds=3))
    for trial in judged.trials:
        assert (trial.score == 0.0) == (trial.candidate == FIRST)
        assert trial.held_out == pytest.approx(trial.score), "nothing was held out"


def test_a_gain_is_the_weighted_sum_of_differences_in_spreads() -> None:
    """Against the formula of the document, with numpy-free arithmetic of its own."""
    history = _history()
    decision = _decision(history)
    voters = decision.rule.voters
    base = next(t.criteria for t in history.trials if t.candidate == FIRST)
    for before, after in zip(history.trials, score_by_gain(SPEC, history).trials, strict=True):
        expected = 0.0
        for name in VOTERS:
            values = [t.criteria[name] for t in history.trials]
            mean = sum(values) / len(values)
            spread = (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5
            expected += voters[name].weight * (before.criteria[name] - base[name]) / spread
        assert after.score == pytest.approx(expected * decision.accuracy_spread)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_history_decides_nothing(seed: int) -> None:
    history = _history(seeds=2)
    trials = list(history.trials)
    random.Random(seed).shuffle(trials)
    expected = standing(SPEC, CANDIDATES, history)
    found = standing(SPEC, CANDIDATES, dataclasses.replace(history, trials=tuple(trials)))
    assert [e.candidate for e in found] == [e.candidate for e in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-12)
        assert one.probability == pytest.approx(other.probability)


def test_deciding_twice_is_deciding_once() -> None:
    once = score_by_gain(SPEC, _history())
    assert score_by_gain(SPEC, once) == once


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.01, 100.0), shift=st.floats(-10.0, 10.0))
def test_the_unit_of_a_criterion_does_not_matter_to_the_ranking(scale: float, shift: float) -> None:
    history = _history()
    changed = tuple(
        dataclasses.replace(
            t, criteria={**t.criteria, "reference": scale * t.criteria["reference"] + shift}
        )
        for t in history.trials
    )
    other = standing(SPEC, CANDIDATES, dataclasses.replace(history, trials=changed))
    expected = standing(SPEC, CANDIDATES, history)
    assert [e.candidate for e in other] == [e.candidate for e in expected]
    assert [e.probability for e in other] == pytest.approx([e.probability for e in expected])


def test_a_collapsed_candidate_is_never_first_however_well_it_scores() -> None:
    history = _history()
    best = standing(SPEC, CANDIDATES, history)[0].candidate
    trials = tuple(
        dataclasses.replace(t, collapsed=True) if t.candidate == best else t for t in history.trials
    )
    ranking = standing(SPEC, CANDIDATES, dataclasses.replace(history, trials=trials))
    assert ranking[0].candidate != best
    assert ranking[-1].candidate == best


def test_without_a_reference_rotation_decides_and_is_less_sure() -> None:
    with_all, alone = _decision(_history()), _decision(_history(("rotation",)))
    assert set(with_all.rule.voters) == set(VOTERS)
    assert set(alone.rule.voters) == {"rotation"}
    assert alone.rule.probability(10.0) < with_all.rule.probability(10.0)
    ranking = standing(SPEC, CANDIDATES, _history(("rotation",)))
    rotation = [entry.criteria["rotation"] for entry in ranking]
    assert rotation == sorted(rotation, reverse=True)


def test_a_vote_that_some_trials_lack_is_not_counted() -> None:
    history = _history()
    first, *rest = history.trials
    poor = dataclasses.replace(first, criteria={"rotation": first.criteria["rotation"]})
    decision = _decision(dataclasses.replace(history, trials=(poor, *rest)))
    assert set(decision.rule.voters) == {"rotation"}


def test_where_the_incumbent_was_not_measured_it_is_estimated_from_the_others() -> None:
    """On a second seed that lifts everybody alike, whoever is there gains what it gained before."""
    history = _history()
    others = [t for t in history.trials if t.candidate != FIRST][:4]
    lifted = [
        dataclasses.replace(t, seed=1, criteria={k: v + 0.2 for k, v in t.criteria.items()})
        for t in others
    ]
    judged = score_by_gain(SPEC, dataclasses.replace(history, trials=(*history.trials, *lifted)))
    by_place = {trial.place: trial.score for trial in judged.trials}
    for trial in lifted:
        key, _, length, task = trial.place
        assert by_place[trial.place] == pytest.approx(by_place[key, 0, length, task])


def test_other_criteria_are_left_alone() -> None:
    spec = parse_search({"scoring": {"criterion": "rotation"}})
    history = _history()
    assert score_by_gain(spec, history) is history
    assert all(entry.probability is None for entry in standing(spec, CANDIDATES, history))


def test_probabilities_are_symmetric_and_rise() -> None:
    for rule in load_model().rules:
        gains = [-3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0]
        found = [rule.probability(gain) for gain in gains]
        assert found == sorted(found)
        assert found[3] == 0.5
        for gain, value in zip(gains, found, strict=True):
            assert rule.probability(-gain) == pytest.approx(1.0 - value)
            assert 0.0 < value < 1.0


def test_the_document_reads_back_as_it_was_written() -> None:
    model = load_model()
    assert read_model(model.to_document()) == model
    card = model.card
    assert len(card["learned on"]) == 17
    assert {one["voters"][0] for one in card["rules"]} == {"rotation"}
