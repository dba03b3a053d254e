"""Stages before a search, and the final pretraining after it: planned, and never twice."""

from __future__ import annotations

import random
from typing import Any

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.policy.recipes import BASELINES
from quarterturn.search import course
from quarterturn.search.history import History, TrialRecord
from quarterturn.search.planning import plan
from quarterturn.search.selection import assess_ranking
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.search.stages import is_stage
from quarterturn.search.standing import standing
from quarterturn.search.strategies.flat import distinct
from tests.search.play import Player, outcome, play

START: dict[str, Any] = {
    "init": {"shared_warmup": {"iterations": 7, "policy": "moco_v2"}},
    "chain": [
        {"dataset_id": "ds_a", "iterations": 11},
        {"dataset_id": "ds_b", "iterations": 13, "method": "moco_v2", "policy": "simclr"},
    ],
}
SEARCHES: dict[str, dict[str, Any]] = {
    "random": {"strategy": {"kind": "random", "candidates": 3}, "seeds": 2},
    "halving": {
        "strategy": {"kind": "successive_halving", "candidates": 6, "rungs": 2},
        "seeds": 2,
    },
    "tpe": {
        "strategy": {"kind": "successive_halving", "candidates": 6, "proposals": "tpe"},
        "seeds": 1,
    },
    "asha": {"strategy": {"kind": "asha", "candidates": 6}, "seeds": 2},
    "pipeline": {
        "search_space": "rand-augment",
        "strategy": {
            "kind": "pipeline",
            "base": {},
            "search": {"kind": "random", "candidates": 3},
            "search_seeds": 2,
            "confirmation": {"seeds": 2, "top": 1},
        },
    },
}


def _spec(name: str, **more: Any) -> SearchSpec:
    return parse_search({"iterations": 30, "pretraining": START, **SEARCHES[name], **more})


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("seed", [0, 1])
def test_candidates_wait_for_the_stages_of_their_seed(name: str, seed: int) -> None:
    spec = _spec(name)

    def watch(player: Player) -> None:
        done = {t.place for t in player.done}
        tasks = {(task, s) for _, s, _, task in done}
        for _, s, _, task in player.open:
            if task == "source/1":
                assert ("source/0", spec.seed) in tasks
            elif task == "warm_up":
                assert ("source/1", spec.seed) in tasks
            elif not is_stage(task):
                assert ("warm_up", s) in tasks

    player = play(spec, seed, watch=watch)
    stages = sorted((t.task, t.seed) for t in player.done if is_stage(t.task))
    assert len(stages) == len(set(stages)), "none twice"
    seeds = {t.seed for t in player.done if not is_stage(t.task)}
    assert stages == [
        ("source/0", spec.seed),
        ("source/1", spec.seed),
        *(("warm_up", s) for s in sorted(seeds)),
    ]
    cold = play(_spec(name, pretraining={}), seed)
    if name != "asha":
        places = {t.place for t in player.done if not is_stage(t.task)}
        assert places == {t.place for t in cold.done}, "the search itself is the same"


def test_what_waits_for_a_stage_that_failed_never_comes() -> None:
    spec = _spec("random")
    player = Player(spec)
    order = random.Random(0)
    while True:
        coming = plan(spec, player.history(order))
        player.record(coming)
        if coming.finished:
            break
        place = order.choice(sorted(player.open))
        request = player.open.pop(place)
        record = outcome(request)
        if place[1] == spec.seed + 1 and place[3] == "warm_up":
            record = TrialRecord(*place, state="failed")
        player.done.append(record)
    scored = {t.seed for t in player.done if t.task == "search"}
    assert scored == {spec.seed}
    first = Player(spec)
    first.record(plan(spec, History()))
    (request,) = first.open.values()
    assert request.task == "source/0"
    failed = History((TrialRecord(*request.place, state="crashed"),))
    assert plan(spec, failed).finished, "nothing can come any more"


@pytest.mark.parametrize("name", SEARCHES)
def test_the_estimate_counts_stages_and_the_final_pretraining(name: str) -> None:
    spec = _spec(name, final_pretraining={"iterations": 99})
    coming = course.remaining(spec, History())
    assert [r.task for r in coming].count("source/0") == 1
    assert [(r.task, r.iterations) for r in coming][-1] == ("final", 99)
    played = _to_the_end(spec)
    if name != "asha":
        assert sum(r.cost for r in coming) == sum(t.iterations_run for t in played.done)


def _to_the_end(spec: SearchSpec) -> Player:
    player, order = Player(spec), random.Random(3)
    while True:
        coming = course.plan(spec, player.history(order))
        player.record(coming)
        if coming.finished:
            assert not player.open
            return player
        assert player.open
        player.end_one(order)


def test_the_final_pretraining_takes_the_selected_policy() -> None:
    spec = _spec("pipeline", final_pretraining={"iterations": 50})
    player = _to_the_end(spec)
    (final,) = [t for t in player.done if t.task == "final"]
    assert (final.iterations, final.seed) == (50, spec.seed)
    history = player.history(random.Random(0))
    ranking = standing(spec, distinct(list(player.candidates.values())), history)
    none = assess_ranking(spec, ranking).level == "none"
    fallback = BASELINES["moco_v2"]().digest[:16]
    assert final.candidate == (fallback if none else ranking[0].candidate)
    assert course.remaining(spec, history) == []
    assert course.plan(spec, history).finished


def test_a_budget_that_is_spent_leaves_the_final_pretraining() -> None:
    spec = _spec("random", final_pretraining={"iterations": 50}, budget={"trials": 6})
    player = _to_the_end(spec)
    tasks = [t.task for t in player.done]
    assert tasks.count("final") == 1
    assert len(tasks) == 7
    late = History(tuple(t for t in player.done if t.task != "final"), elapsed_seconds=1e9)
    timed = spec.model_copy(update={"budget": spec.budget.model_copy(update={"seconds": 1.0})})
    (request,) = course.plan(timed, late).trials
    assert request.task == "final"


def test_rungs_that_begin_anew_have_a_cosine_of_their_own() -> None:
    """The ladder of HPT: each budget is a whole schedule from the start."""
    strategy = {
        "kind": "successive_halving",
        "candidates": 12,
        "rungs": 4,
        "eta": 10,
        "schedule": "per_rung",
    }
    spec = parse_search({"iterations": 50_000, "strategy": strategy, "seeds": 1})
    requests = course.remaining(spec, History())
    assert {r.iterations for r in requests} == {50, 500, 5_000, 50_000}
    assert all(r.resume_from == 0 and r.schedule == r.iterations for r in requests)


@pytest.mark.parametrize(
    ("pretraining", "path"),
    [
        ({"init": {}}, "$.pretraining.init"),
        ({"init": "warm"}, "$.pretraining.init"),
        ({"init": {"digest": "0" * 64, "shared_warmup": {"iterations": 3}}}, "$.pretraining.init"),
        ({"init": {"shared_warmup": {"iterations": 0}}}, "$.pretraining.init"),
        ({"init": {"shared_warmup": {"iterations": 3, "policy": "no"}}}, "$.pretraining.init"),
        ({"variant": "bn_only"}, "$.pretraining"),
        ({"chain": [{"iterations": 3}]}, "$.pretraining.chain[0].dataset_id"),
        ({"chain": [{"dataset_id": "d", "iterations": 3}] * 5}, "$.pretraining.chain"),
    ],
)
def test_starts_that_make_no_sense(pretraining: Any, path: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_search({"pretraining": pretraining})
    assert caught.value.code == "invalid_job"
    assert caught.value.fields[0]["path"].startswith(path)


def test_folds_must_not_have_been_seen() -> None:
    with pytest.raises(InvalidInputError, match="holds folds out"):
        parse_search({"strategy": "density_matching", "pretraining": START})
