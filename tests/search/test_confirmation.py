"""The confirmation: fresh seeds, one half to select on, the other to report; no winner's curse."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.policy.recipes import BASELINES
from quarterturn.search.history import BASE, CONFIRMATION, SEARCH, Candidate, TrialRecord
from quarterturn.search.incumbent import incumbent
from quarterturn.search.ranking import rank
from quarterturn.search.selection import select
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.search.strategies.pipeline import FRESH_SEEDS
from quarterturn.search.strategy import ConfirmationStage, PipelineStrategy
from tests.search.making import numbered
from tests.search.play import SPECS, Player, play

BASELINE_KEYS = {Candidate.of(make(), "baseline").key for make in BASELINES.values()}
SPEC = parse_search({"strategy": {"kind": "pipeline"}})


def _record(
    candidate: Candidate, seed: int, score: float, held_out: float | None, **more: Any
) -> TrialRecord:
    return TrialRecord(
        candidate.key,
        seed,
        10,
        state="completed",
        score=score,
        held_out=held_out,
        **{"sampling_error": 0.01, "task": CONFIRMATION, **more},
    )


def _pipeline(seeds: int = 4, top: int = 2, **search: Any) -> SearchSpec:
    strategy = {
        "kind": "pipeline",
        "search_seeds": 2,
        "confirmation": {"seeds": seeds, "top": top},
        "search": {"kind": "random", "candidates": 5},
    }
    scoring = {"criterion": "rotation"}
    return parse_search({"strategy": strategy, "scoring": scoring, **search})


def _seeds(player: Player, *tasks: str) -> set[int]:
    return {t.seed for t in player.done if t.task in tasks or t.task.split("/")[0] in tasks}


@pytest.mark.parametrize("name", ["pipeline", "whole pipeline"])
@pytest.mark.parametrize("seed", [0, 999_990, 2**31 - 1])
def test_the_seeds_of_the_confirmation_are_fresh(name: str, seed: int) -> None:
    player = play(parse_search({**SPECS[name], "seed": seed}), 0)
    confirming = _seeds(player, CONFIRMATION)
    assert confirming
    assert not confirming & _seeds(player, SEARCH, BASE, "fold", "density")
    assert min(confirming) == FRESH_SEEDS + seed


@pytest.mark.parametrize(("seeds", "selected_on"), [(2, 1), (3, 2), (4, 2), (5, 3)])
def test_the_first_half_selects_and_the_other_half_reports(seeds: int, selected_on: int) -> None:
    player = play(_pipeline(seeds), 1)
    ranking = rank(list(player.candidates.values()), player.done)
    confirmed = [entry for entry in ranking if entry.stage == CONFIRMATION]
    by_place = {(t.candidate, t.seed): t for t in player.done if t.task == CONFIRMATION}
    every = sorted(_seeds(player, CONFIRMATION))
    assert len(every) == seeds
    first, rest = every[:selected_on], every[selected_on:]
    for entry in confirmed:
        scores = [by_place[entry.candidate, seed].score for seed in first]
        held_out = [by_place[entry.candidate, seed].held_out for seed in rest]
        assert entry.seed_numbers == first
        assert entry.reported_seeds == rest
        assert entry.score == pytest.approx(np.mean([s for s in scores if s is not None]))
        assert entry.reported == pytest.approx(np.mean([h for h in held_out if h is not None]))


@pytest.mark.parametrize("top", [1, 2, 50])
def test_the_best_are_confirmed_beside_the_incumbent(top: int) -> None:
    spec = _pipeline(top=top)
    player = play(spec, 2)
    confirmed = {t.candidate for t in player.done if t.task == CONFIRMATION}
    searched = [t for t in player.done if t.task == SEARCH]
    ranking = rank(list(player.candidates.values()), searched)
    today = incumbent(spec).key
    others = [entry.candidate for entry in ranking if entry.candidate != today]
    assert confirmed == {today, *others[:top]}


@pytest.mark.parametrize("top", [1, 2, 50])
def test_the_best_of_the_search_are_confirmed_beside_all_baselines(top: int) -> None:
    spec = _pipeline(top=top)
    assert isinstance(spec.strategy, PipelineStrategy)
    stage = ConfirmationStage(top=top, baselines=True)
    strategy = spec.strategy.model_copy(update={"confirmation": stage})
    player = play(spec.model_copy(update={"strategy": strategy}), 2)
    confirmed = {t.candidate for t in player.done if t.task == CONFIRMATION}
    assert confirmed >= BASELINE_KEYS
    searched = [t for t in player.done if t.task == SEARCH]
    best = [
        e.candidate
        for e in rank(list(player.candidates.values()), searched)
        if e.origin == "search"
    ]
    assert confirmed - BASELINE_KEYS == set(best[:top])
    assert {e.candidate for e in rank(list(player.candidates.values()), player.done)} == (
        BASELINE_KEYS | set(best)
    )


def test_the_confirmation_decides_and_not_the_search() -> None:
    one, other = numbered(2)
    trials = [
        _record(one, 0, 0.9, 0.9, task=SEARCH),
        _record(other, 0, 0.5, 0.5, task=SEARCH),
        *(_record(one, s, 0.60 + s / 100, 0.6) for s in (10, 11, 12, 13)),
        *(_record(other, s, 0.70 + s / 100, 0.7) for s in (10, 11, 12, 13)),
    ]
    first, second = rank([one, other], trials)
    assert (first.candidate, second.candidate) == (other.key, one.key)
    assert {first.stage, second.stage} == {CONFIRMATION}


def test_the_halves_are_of_all_seeds_and_not_of_those_a_candidate_has() -> None:
    """Where trials failed, a seed that one is selected on is never one that another reports."""
    one, other, third = numbered(3)
    trials = [_record(one, seed, 0.6, 0.6) for seed in (1, 2, 3, 4)]
    trials += [_record(other, seed, 0.7, 0.7) for seed in (2, 4)]
    trials += [_record(third, seed, 0.9, 0.9) for seed in (3, 4)]
    entries = {entry.candidate: entry for entry in rank([one, other, third], trials)}
    assert (entries[other.key].seed_numbers, entries[other.key].reported_seeds) == ([2], [4])
    assert third.key not in entries, "it has no seed that is selected on"


@pytest.mark.parametrize("criterion", ["rotation", "infonce"])
@settings(max_examples=20, deadline=None)
@given(chance=st.integers(0, 10_000))
def test_what_is_handed_out_never_carries_a_number_that_was_selected_on(
    criterion: str, chance: int
) -> None:
    """Marked numbers: what selection sees is 1 and more, what it does not see is below."""
    draws = random.Random(chance)
    candidates = [*numbered(3), *(Candidate.of(m(), "baseline") for m in BASELINES.values())]
    sign = 1 if criterion == "rotation" else -1
    trials = [
        _record(c, seed, sign * (1 + draws.random()), draws.random(), task=task)
        for task, seeds in ((SEARCH, (0, 1)), (CONFIRMATION, (10, 11, 12, 13)))
        for seed in seeds
        for c in candidates
    ]
    reporting = {
        c.key: [t.held_out for t in trials if t.candidate == c.key and t.seed in (12, 13)]
        for c in candidates
    }
    spec = SPEC.model_copy(
        update={"scoring": SPEC.scoring.model_copy(update={"criterion": criterion})}
    )
    ranking = rank(candidates, trials)
    policy = select(spec, candidates, ranking, {})
    selection = policy.selection
    assert selection is not None
    numbers = [n for n in reporting[policy.digest[:16]] if n is not None]
    assert selection["score"] == pytest.approx(np.mean(numbers), abs=1e-6)
    assert selection["standard_error"] == pytest.approx(abs(numbers[0] - numbers[1]) / 2, abs=1e-6)
    assert selection["seeds"] == 2
    assert selection["measured_on"] == "images and seeds that selection never saw"
    assert selection["selected_on"]["stage"] == CONFIRMATION
    none = next(c for c in candidates if c.policy.name == "none")
    without = [n for n in reporting[none.key] if n is not None]
    assert selection["gain_over_no_augmentation"] == pytest.approx(
        np.mean(numbers) - np.mean(without), abs=2e-6
    )


def test_without_other_numbers_it_says_what_was_selected_on() -> None:
    """Too few images for a report: nothing is held out, and that is not hidden."""
    candidates = numbered(2)
    trials = [
        _record(c, seed, 0.8 - 0.2 * place + seed / 1000, None)
        for place, c in enumerate(candidates)
        for seed in (10, 11, 12, 13)
    ]
    policy = select(SPEC, candidates, rank(candidates, trials), {})
    assert policy.selection is not None
    assert policy.selection["measured_on"] == "the images and seeds that were selected on"
    alone = [_record(c, 0, 0.8 - 0.2 * i, 0.5, task=SEARCH) for i, c in enumerate(candidates)]
    policy = select(SPEC, candidates, rank(candidates, alone), {})
    assert policy.selection is not None
    assert policy.selection["score"] == 0.5
    assert "with the seeds that were selected on" in policy.selection["measured_on"]


def test_the_winners_curse_is_in_what_was_selected_on_and_not_in_what_is_reported() -> None:
    """All candidates are equal in truth. The noise of a trial is shared by both sets of images, as
    that of training is, so only fresh seeds can take the curse away.
    """
    rng = np.random.default_rng(11)
    usual = Candidate.of(BASELINES["moco_v2"](), "baseline")  # handed out without evidence
    candidates, truth, games = [*numbered(11), usual], 0.6, 160
    selected_on, reported, handed_out = [], [], []
    for _ in range(games):
        trials = []
        for seed in (10, 11, 12, 13):
            lift = rng.normal(0, 0.02)
            for candidate in candidates:
                training = truth + lift + rng.normal(0, 0.02)
                scores = training + rng.normal(0, 0.01, 2)
                trials.append(_record(candidate, seed, float(scores[0]), float(scores[1])))
        ranking = rank(candidates, trials)
        selection = select(SPEC, candidates, ranking, {}).selection
        assert selection is not None
        assert ranking[0].reported is not None
        selected_on.append(ranking[0].score)
        reported.append(ranking[0].reported)
        handed_out.append(selection["score"])
    error = float(np.std(reported) / np.sqrt(games))
    assert error < 0.0025, "enough games to tell"
    assert np.mean(selected_on) > truth + 10 * error
    assert abs(np.mean(reported) - truth) < 3 * error
    assert abs(np.mean(handed_out) - truth) < 3 * error


def test_without_a_confirmation_the_same_seeds_are_cursed_even_on_other_images() -> None:
    """Why the confirmation is there, and why `measured_on` says which it is."""
    rng = np.random.default_rng(12)
    candidates, truth, games = numbered(12), 0.6, 80
    reported = []
    for _ in range(games):
        trials = []
        for seed in (0, 1):
            for candidate in candidates:
                training = truth + rng.normal(0, 0.02)
                scores = training + rng.normal(0, 0.01, 2)
                trials.append(
                    _record(candidate, seed, float(scores[0]), float(scores[1]), task=SEARCH)
                )
        first = rank(candidates, trials)[0]
        assert first.reported is not None
        reported.append(first.reported)
    error = float(np.std(reported) / np.sqrt(games))
    assert np.mean(reported) > truth + 5 * error
