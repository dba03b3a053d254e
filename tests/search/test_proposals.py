"""Samplers: deterministic, better than chance, never twice the same, at home in small spaces."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.search.history import SEARCH, Candidate, History, Proposal, TrialRecord
from quarterturn.search.planning import plan
from quarterturn.search.proposals import evolution, tpe
from quarterturn.search.proposals.observations import Observation
from quarterturn.search.proposals.source import drawn, observations, propose, rebuilt
from quarterturn.search.ranking import rank
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.space.candidates import count_candidates
from quarterturn.space.parameters import Dimension, Parameters, build, dimensions
from tests.search.play import play
from tests.space.examples import space_of
from tests.space.membership import belongs

Sampler = Callable[[Sequence[Dimension], Sequence[Observation], int], Parameters]
SAMPLERS: dict[str, Sampler] = {"tpe": tpe.propose, "evolution": evolution.propose}
AXES = [Dimension("op", 5), Dimension("x"), Dimension("y"), Dimension("other", 3)]
TINY = {
    "kind": "rand_augment",
    "operations": ["rotate", "invert"],
    "count": [1, 2],
    "magnitude": {"values": [0.1, 0.5]},
}
FIXED = {"kind": "rand_augment", "operations": ["rotate"], "count": [1], "magnitude": 0.5}


def _value(parameters: Parameters) -> float:
    """Best, 1, at op 3 and x = 0.8, y = 0.3; `other` does not matter."""
    distance = (parameters["x"] - 0.8) ** 2 + (parameters["y"] - 0.3) ** 2
    return 0.4 * (parameters["op"] == 3) + 0.6 * float(np.exp(-4 * distance))


def _random(axes: Sequence[Dimension], observed: Sequence[Observation], seed: int) -> Parameters:
    generator = random.Random(f"{seed}/{len(observed)}")
    return {axis.name: axis.draw(generator) for axis in axes}


def _run(sampler: Sampler, seed: int, count: int) -> list[float]:
    observed: list[Observation] = []
    for number in range(count):
        parameters = sampler(AXES, observed, seed)
        observed.append(Observation(number, parameters, _value(parameters)))
    return [item.value for item in observed if item.value is not None]


def _observed(count: int, seed: int = 0, pending: int = 0) -> list[Observation]:
    found = []
    for number in range(count):
        generator = random.Random(f"{seed}/{number}")
        parameters = {axis.name: axis.draw(generator) for axis in AXES}
        value = None if number >= count - pending else _value(parameters)
        found.append(Observation(number, parameters, value))
    return found


@pytest.mark.parametrize("name", SAMPLERS)
@settings(max_examples=10, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    count=st.integers(0, 25),
    pending=st.integers(0, 5),
    shuffle=st.integers(0, 99),
)
def test_a_proposal_is_a_function_of_what_is_recorded(
    name: str, seed: int, count: int, pending: int, shuffle: int
) -> None:
    """Asked again, in another order, or after a journey through JSON: the same."""
    observed = _observed(count, pending=pending)
    found = SAMPLERS[name](AXES, observed, seed)
    assert found.keys() == {axis.name for axis in AXES}
    for axis in AXES:
        value = found[axis.name]
        if axis.choices:
            assert isinstance(value, int)
            assert 0 <= value < axis.choices
        else:
            assert isinstance(value, float)
            assert 0.0 <= value <= 1.0
            assert value == round(value, 4)
    assert json.loads(json.dumps(found)) == found
    random.Random(shuffle).shuffle(observed)
    random.seed(shuffle)
    np.random.seed(shuffle)
    assert SAMPLERS[name](AXES, observed, seed) == found


@pytest.mark.parametrize("name", SAMPLERS)
def test_other_seeds_and_later_numbers_propose_otherwise(name: str) -> None:
    sampler = SAMPLERS[name]
    observed = _observed(20)
    assert len({repr(sampler(AXES, observed, seed)) for seed in range(8)}) == 8
    assert len({repr(sampler(AXES, observed[:n], 0)) for n in range(20)}) == 20


@pytest.mark.parametrize("name", SAMPLERS)
def test_learning_beats_chance(name: str) -> None:
    """The last twenty of sixty proposals, over three seeds."""
    mine = [_run(SAMPLERS[name], seed, 60) for seed in range(3)]
    chance = [_run(_random, seed, 60) for seed in range(3)]
    assert np.mean([r[-20:] for r in mine]) > np.mean([r[-20:] for r in chance]) + 0.2
    assert np.mean([max(r) for r in mine]) > 0.9


@pytest.mark.parametrize("name", SAMPLERS)
def test_larger_is_better(name: str) -> None:
    """Turned around, the samplers go the other way."""
    sampler = SAMPLERS[name]

    def proposed(sign: int) -> float:
        observed = [
            Observation(o.number, o.parameters, sign * o.parameters["x"]) for o in _observed(40)
        ]
        return float(np.mean([sampler(AXES, observed, seed)["x"] for seed in range(10)]))

    assert proposed(1) > proposed(-1) + 0.3


def test_tpe_spreads_what_is_pending() -> None:
    """Workers that ask at the same time do not all get the neighbours of one another."""
    observed = _observed(30)
    together: list[Observation] = list(observed)
    for _ in range(6):
        parameters = tpe.propose(AXES, together, 0)
        together.append(Observation(len(together), parameters, None))
    asked = [repr(o.parameters) for o in together[30:]]
    assert len(set(asked)) == 6


def _spec(space: dict[str, Any] | str, proposals: str, **strategy: Any) -> SearchSpec:
    return parse_search(
        {
            "search_space": space,
            "seeds": 1,
            "iterations": 27,
            "strategy": {"kind": "successive_halving", "proposals": proposals, **strategy},
        }
    )


@pytest.mark.parametrize("kind", ["tpe", "evolution", "random"])
@pytest.mark.parametrize("space", ["selfaugment", "photometric", "single-operation"])
def test_nothing_known_is_proposed_again(kind: Any, space: str) -> None:
    spec = _spec(space, "tpe")
    observed: list[Observation] = []
    keys: set[str] = set()
    for number in range(14):
        candidate = propose(spec, kind, observed, keys)
        assert candidate is not None
        assert candidate.key not in keys
        assert candidate.number == number
        assert candidate.parameters is not None
        assert belongs(candidate.policy, spec.search_space)
        again = rebuilt(spec, Proposal(candidate.key, number, candidate.parameters))
        assert again == candidate, "its record is enough to build it again"
        keys.add(candidate.key)
        observed.append(Observation(number, candidate.parameters, random.Random(number).random()))


@pytest.mark.parametrize("kind", ["tpe", "evolution", "random"])
@pytest.mark.parametrize("space", [TINY, FIXED], ids=["four", "one"])
def test_a_small_space_gives_all_it_has_and_then_nothing(kind: Any, space: dict[str, Any]) -> None:
    spec = _spec(space, "tpe")
    observed: list[Observation] = []
    keys: set[str] = set()
    while (candidate := propose(spec, kind, observed, keys)) is not None:
        assert candidate.key not in keys
        assert candidate.parameters is not None
        keys.add(candidate.key)
        observed.append(
            Observation(len(observed), candidate.parameters, random.Random(len(keys)).random())
        )
    assert len(keys) == count_candidates(spec.search_space)


@pytest.mark.parametrize("kind", ["successive_halving", "asha"])
@pytest.mark.parametrize("proposals", ["tpe", "evolution"])
@pytest.mark.parametrize("space", [TINY, FIXED, "rand-augment"], ids=["four", "one", "fifteen"])
def test_a_search_of_a_small_space_ends(kind: str, proposals: str, space: Any) -> None:
    """More candidates are asked for than there are; none comes twice, and any order will do."""
    spec = parse_search(
        {
            "search_space": space,
            "seeds": 1,
            "iterations": 9,
            "strategy": {"kind": kind, "proposals": proposals, "candidates": 20, "rungs": 2},
        }
    )

    def watch(player: Any) -> None:
        plans = [plan(spec, player.history(random.Random(i))) for i in range(2)]
        assert plans[0] == plans[1]
        assert plans[0].trials == ()

    played = [play(spec, seed, watch=watch if seed == 0 else lambda _: None) for seed in range(3)]
    size = count_candidates(spec.search_space) or 0
    for player in played:
        proposed = [c for c in player.candidates.values() if c.number is not None]
        assert len({c.number for c in proposed}) == len(proposed) <= size
        assert len(proposed) >= min(size, 4)
        for candidate in proposed:
            assert candidate.parameters is not None
            policy = build(spec.search_space, candidate.parameters, "again")
            assert policy.digest[:16] == candidate.key
    if kind == "successive_halving":
        rankings = [
            [e.candidate for e in rank(list(p.candidates.values()), p.done)] for p in played
        ]
        assert rankings[0] == rankings[1] == rankings[2]


def test_drawing_at_random_does_not_depend_on_how_many_are_drawn() -> None:
    spec = _spec("photometric", "random", candidates=5)
    few, many = drawn(spec, 3), drawn(spec, 9)
    assert [c.key for c in many[:3]] == [c.key for c in few]
    assert len({c.key for c in many}) == 9
    assert len(drawn(_spec(TINY, "random"), 50)) == 4


def _recorded(spec: SearchSpec, count: int) -> tuple[list[Candidate], tuple[Proposal, ...]]:
    candidates = []
    for number in range(count):
        candidate = propose(
            spec, "random", [Observation(i, {}, None) for i in range(number)], set()
        )
        assert candidate is not None
        candidates.append(candidate)
    return candidates, tuple(Proposal(c.key, c.number or 0, c.parameters or {}) for c in candidates)


def _done(candidate: Candidate, iterations: int, score: float, **more: Any) -> TrialRecord:
    return TrialRecord(
        candidate.key, 0, iterations, task=SEARCH, state="completed", score=score, **more
    )


def test_what_is_learnt_from_is_the_longest_rung_with_enough_scores() -> None:
    spec = _spec("selfaugment", "tpe")
    candidates, proposals = _recorded(spec, 8)
    short = [_done(c, 3, 0.1 + 0.01 * i) for i, c in enumerate(candidates)]
    long = [_done(c, 27, 0.5 + 0.01 * i) for i, c in enumerate(candidates)]

    def learnt(scored: list[TrialRecord]) -> list[float | None]:
        found = observations(History(proposals=proposals), scored, [3, 27])
        assert [o.number for o in found] == list(range(8))
        return [o.value for o in found]

    assert learnt([]) == [None] * 8
    assert learnt(short[:2]) == [0.1, 0.11, *[None] * 6]
    assert learnt([*short, *long[:5]]) == [t.score for t in short], "five are not enough"
    expected = [*(t.score for t in long[:6]), None, None]
    assert learnt([*short, *long[:6]]) == expected
    assert learnt([*long[:6][::-1], *short]) == expected, "the order of records does not matter"
    stranger = Candidate.of(build(spec.search_space, {}, "x"), "search")
    assert learnt([_done(stranger, 3, 0.9), *short]) == [t.score for t in short]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_collapsed_candidate_is_the_worst_to_learn_from(sign: int) -> None:
    """Scores of criteria of which less is better are negative."""
    spec = _spec("selfaugment", "tpe")
    candidates, proposals = _recorded(spec, 8)
    scored = [_done(c, 27, sign * (1.0 + i)) for i, c in enumerate(candidates[:-1])]
    scored.append(_done(candidates[-1], 27, sign * 0.5, collapsed=True))
    values = [o.value for o in observations(History(proposals=proposals), scored, [27])]
    healthy = [value for value in values[:-1] if value is not None]
    assert len(healthy) == 7
    assert values[-1] is None or values[-1] < min(healthy)


def test_dimensions_of_a_space_without_choice_are_none() -> None:
    assert dimensions(parse_search({"search_space": FIXED}).search_space) == []
    assert dimensions(space_of("rand_augment", count=[2])) == [Dimension("magnitude")]
    for sampler in SAMPLERS.values():
        assert sampler([], [Observation(i, {}, 0.1 * i) for i in range(12)], 0) == {}
