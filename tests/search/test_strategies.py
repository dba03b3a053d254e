"""Strategies are pure: any order of history, any crash, the same plan; never over budget."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.errors import InvalidInputError
from quarterturn.policy.recipes import BASELINES
from quarterturn.search.history import Candidate, History, TrialRecord
from quarterturn.search.incumbent import baselines
from quarterturn.search.planning import plan, remaining
from quarterturn.search.ranking import rank
from quarterturn.search.spec import parse_search
from quarterturn.search.standing import standing
from tests.search.play import ESTIMATED, ORDERED, SPECS, Player, play

BASELINE_KEYS = {Candidate.of(make(), "baseline").key for make in BASELINES.values()}


def _ranked(player: Player) -> list[str]:
    return [e.candidate for e in rank(list(player.candidates.values()), player.done)]


@pytest.mark.parametrize("name", sorted(set(SPECS) - ORDERED))
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), failing=st.booleans())
def test_any_order_leads_to_the_same_ranking(name: str, seed: int, failing: bool) -> None:
    spec = parse_search(SPECS[name])
    reference = play(spec, 0, failing=failing)
    again = play(spec, seed, failing=failing)
    assert _ranked(reference) == _ranked(again)
    assert {t.place for t in reference.done} == {t.place for t in again.done}


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), shuffle=st.integers(0, 10_000))
def test_a_planner_without_memory_plans_the_same(name: str, seed: int, shuffle: int) -> None:
    """After any trial the records, in another order, give the same plan: a crash loses nothing."""
    spec = parse_search(SPECS[name])

    def watch(player: Player) -> None:
        plans = [plan(spec, player.history(random.Random(shuffle + i))) for i in range(2)]
        assert plans[0] == plans[1]
        assert plans[0].trials == (), "what was planned is recorded; nothing comes twice"

    play(spec, seed, watch=watch)


@pytest.mark.parametrize("name", SPECS)
def test_baselines_are_always_present(name: str) -> None:
    spec = parse_search(SPECS[name])
    player = play(spec, 3)
    if spec.budget.iterations is None:
        expected = {candidate.key for candidate in baselines(spec)}
        assert len(expected) > 2
        assert player.candidates.keys() >= expected
        ranked = {e.candidate for e in rank(list(player.candidates.values()), player.done)}
        assert ranked >= expected


@pytest.mark.parametrize("name", SPECS)
def test_budgets_are_kept_and_the_forecast_is_right(name: str) -> None:
    spec = parse_search(SPECS[name])
    forecast = remaining(spec, History())
    done = play(spec, 1).done
    spent = sum(t.iterations_run for t in done)
    if name in ESTIMATED:
        assert sum(r.cost for r in forecast) == pytest.approx(spent, rel=0.5)
    elif "cut short" not in name:
        assert len(forecast) == len(done)
        assert sum(r.cost for r in forecast) == spent
    if spec.budget.trials is not None:
        assert len(done) == spec.budget.trials
    if spec.budget.iterations is not None:
        assert spent <= spec.budget.iterations


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
    player = play(spec, 2)
    done, candidates = player.done, player.candidates
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


def test_a_confirmation_cut_short_does_not_favour_who_came_first() -> None:
    """The incumbent comes first in the queue; the budget ends before all finalists had a seed."""
    document = SPECS["pipeline"]
    whole = play(parse_search(document), 0)
    before = sum(t.iterations_run for t in whole.done if t.task != "confirmation")
    spec = parse_search({**document, "budget": {"iterations": before + 2 * 300}})
    player = play(spec, 0)
    assert sum(t.task == "confirmation" for t in player.done) == 2
    ranking = standing(spec, list(player.candidates.values()), player.history(random.Random(0)))
    assert {entry.stage for entry in ranking} == {"search"}
    last = standing(whole.spec, list(whole.candidates.values()), whole.history(random.Random(0)))
    assert last[0].stage == "confirmation"
    assert not set(last[0].seed_numbers) & set(last[0].reported_seeds)
