"""Strategies are pure: any order of history, any crash, the same plan; never over budget."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInputError
from core.policies.recipes import BASELINES
from core.search.history import Candidate, History, TrialRecord, TrialRequest
from core.search.planning import plan, remaining
from core.search.ranking import rank
from core.search.spec import SearchSpec, parse_search

SPECS: dict[str, dict[str, Any]] = {
    "random": {"strategy": {"kind": "random", "candidates": 5}, "seeds": 2},
    "grid": {"search_space": "rand-augment", "strategy": {"kind": "grid"}, "seeds": 1},
    "list": {
        "strategy": {"kind": "list", "candidates": [{"name": "own", "views": [[{"op": "invert"}]]}]}
    },
    "halving": {
        "search_space": "selfaugment",
        "strategy": {"kind": "successive_halving", "candidates": 9, "rungs": 3},
        "seeds": 2,
    },
    "trials": {"strategy": {"kind": "random", "candidates": 5}, "budget": {"trials": 9}},
    "iterations": {"iterations": 50, "budget": {"iterations": 777}},
}


def _score(place: tuple[str, int, int]) -> float:
    return random.Random(repr(place)).random()


def _outcome(request: TrialRequest, failing: bool) -> TrialRecord:
    if failing and random.Random(f"fail{request.place}").random() < 0.2:
        return TrialRecord(*request.place, state="failed")
    return TrialRecord(
        *request.place, state="completed", score=_score(request.place), sampling_error=0.01,
        iterations_run=request.cost, seconds=1.0,
    )  # fmt: skip


def _play(
    spec: SearchSpec, order: random.Random, failing: bool = False
) -> tuple[list[str], list[TrialRecord], dict[str, Candidate]]:
    """Run a search, trials ending in random order, the planner asked after each with its
    history shuffled; returns the ranked keys, all records and all candidates."""
    done: list[TrialRecord] = []
    open_: dict[tuple[str, int, int], TrialRequest] = {}
    candidates: dict[str, Candidate] = {}
    while True:
        running = [TrialRecord(*place, state="queued") for place in open_]
        everything = [*done, *running]
        order.shuffle(everything)
        coming = plan(spec, History(tuple(everything)))
        for request in coming.trials:
            assert request.place not in open_
            open_[request.place] = request
            candidates[request.candidate.key] = request.candidate
        if coming.finished:
            assert not open_
            break
        assert open_, "not finished, yet nothing to do"
        place = order.choice(sorted(open_))
        done.append(_outcome(open_.pop(place), failing))
    ranking = rank(list(candidates.values()), done)
    return [entry.candidate for entry in ranking], done, candidates


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), failing=st.booleans())
def test_any_order_leads_to_the_same_ranking(name: str, seed: int, failing: bool) -> None:
    spec = parse_search(SPECS[name])
    reference, trials, candidates = _play(spec, random.Random(0), failing)
    again, others, _ = _play(spec, random.Random(seed), failing)
    assert reference == again
    assert {t.place for t in trials} == {t.place for t in others}
    baselines = {Candidate.of(make(), "baseline").key for make in BASELINES.values()}
    assert baselines <= candidates.keys()


@pytest.mark.parametrize("name", SPECS)
def test_budgets_are_kept_and_the_forecast_is_right(name: str) -> None:
    spec = parse_search(SPECS[name])
    forecast = remaining(spec, History())
    _, done, _ = _play(spec, random.Random(1))
    assert len(forecast) == len(done)
    assert sum(r.cost for r in forecast) == sum(t.iterations_run for t in done)
    if spec.budget.trials is not None:
        assert len(done) == spec.budget.trials
    if spec.budget.iterations is not None:
        assert sum(t.iterations_run for t in done) <= spec.budget.iterations


def test_seconds_withdraw_what_cannot_end_in_time() -> None:
    spec = parse_search({"iterations": 100, "budget": {"seconds": 60}, "strategy": "random"})
    first = plan(spec, History()).trials
    records = [TrialRecord(*r.place, state="queued") for r in first]
    records[0] = TrialRecord(
        *first[0].place, state="completed", score=0.5, iterations_run=100, seconds=20.0
    )
    assert plan(spec, History(tuple(records), 39.0)).withdraw is False
    late = plan(spec, History(tuple(records), 41.0))
    assert (late.withdraw, late.finished, late.exhausted) == (True, True, "seconds")


def test_a_search_that_ran_out_of_time_does_not_resume() -> None:
    """The first trials were slow and the rest was withdrawn; a fast one must not bring it back."""
    spec = parse_search({"iterations": 90, "budget": {"seconds": 70}, "seeds": 1})
    first = plan(spec, History()).trials
    slow, fast = (
        TrialRecord(*r.place, state="completed", score=0.5, iterations_run=r.cost, seconds=seconds)
        for r, seconds in zip(first[:2], (60.0, 0.1), strict=True)
    )
    rest = [TrialRecord(*r.place, state="cancelled") for r in first[2:]]
    running = TrialRecord(*first[1].place, state="running")
    assert not plan(spec, History((slow, running, *rest), 61.0)).finished
    last = plan(spec, History((slow, fast, *rest), 62.0))
    assert (last.trials, last.finished, last.exhausted) == ((), True, "seconds")


def test_a_small_space_is_drawn_at_once() -> None:
    spec = parse_search(
        {"search_space": "rand-augment", "strategy": {"kind": "random", "candidates": 4000}}
    )
    keys = {r.candidate.key for r in plan(spec, History()).trials}
    assert len(keys) == 15 + len(BASELINES)


def test_halving_continues_the_best_and_every_baseline() -> None:
    spec = parse_search(SPECS["halving"])
    _, done, candidates = _play(spec, random.Random(2))
    rungs = sorted({trial.iterations for trial in done})
    assert len(rungs) == 3
    for lower, upper in itertools.pairwise(rungs):
        below = {t.candidate: t.score or 0 for t in done if t.iterations == lower}
        above = {t.candidate for t in done if t.iterations == upper}
        searched = [k for k in below if candidates[k].origin == "search"]
        climbed = above & set(searched)
        assert len(climbed) == -(-len(searched) // 3)
        fallen = set(searched) - climbed
        assert min(below[k] for k in climbed) >= max(below[k] for k in fallen)
        assert {k for k in below if candidates[k].origin == "baseline"} <= above
    last = [t for t in done if t.iterations == rungs[-1]]
    assert {t.seed for t in last} == {0, 1}


def test_more_candidates_keep_the_first_ones() -> None:
    few = parse_search({"strategy": {"kind": "random", "candidates": 4}})
    many = parse_search({"strategy": {"kind": "random", "candidates": 9}})
    keys = [
        [r.candidate.key for r in plan(s, History()).trials if r.seed == 0] for s in (few, many)
    ]
    assert keys[1][: len(keys[0])] == keys[0]


def test_a_grid_too_fine_is_refused() -> None:
    spec = parse_search({"search_space": "selfaugment", "strategy": {"kind": "grid"}})
    with pytest.raises(InvalidInputError, match="random or successive_halving"):
        plan(spec, History())
