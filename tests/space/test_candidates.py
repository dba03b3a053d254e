"""Candidates are drawn, enumerated and counted from one and the same space."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.policy.schema import Operation, Sample
from quarterturn.space import (
    count_candidates,
    draw_candidate,
    enumerate_candidates,
    parse_space,
)
from tests.space.examples import DOCUMENTS, SPACES, space_of, with_draw
from tests.space.membership import belongs


@pytest.mark.parametrize("name", SPACES)
@given(seed=st.integers(0, 2**32), draw=st.sampled_from(["fixed", "up_to"]))
@settings(max_examples=15, deadline=None)
def test_drawn_candidates_belong_to_the_space(name: str, seed: int, draw: str) -> None:
    space = with_draw(SPACES[name], draw)
    assert belongs(draw_candidate(space, random.Random(seed), "drawn"), space)


@pytest.mark.parametrize("name", SPACES)
def test_drawing_is_reproducible_and_varies(name: str) -> None:
    space = SPACES[name]
    drawn = [draw_candidate(space, random.Random(seed), "x").digest for seed in range(20)]
    again = [draw_candidate(space, random.Random(seed), "x").digest for seed in range(20)]
    assert drawn == again
    assert len(set(drawn)) > 1


@given(
    ends=st.tuples(st.floats(0.0, 0.001), st.floats(0.0, 0.001)).map(sorted),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_narrow_range_is_not_left_by_rounding(ends: list[float], seed: int) -> None:
    low, high = ends
    operation = {"op": "hue", "strength": {"min": low, "max": high}}
    space = parse_space({"kind": "single_operation", "operations": [operation], "draw": "fixed"})
    stage = draw_candidate(space, random.Random(seed), "x").views[0][0]
    assert isinstance(stage, Operation)
    assert low <= stage.high <= high


@pytest.mark.parametrize("points", [1, 2, 3])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_as_many_are_enumerated_as_are_counted(kind: str, points: int) -> None:
    space = SPACES[kind]
    candidates = list(enumerate_candidates(space, points))
    assert len(candidates) == count_candidates(space, points)
    assert all(belongs(candidate, space) for candidate in candidates)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("single_operation", 1 + 4 + 1),
        ("rand_augment", 2 * 3),
        ("sub_policies", (1 + 4) ** 2),
        ("pipeline", 4 * 2 * 3),
        ("recipes", 4 * 4 * 2 * 2 * 3),
    ],
)
def test_the_grid_of_each_kind_has_the_size_worked_out_by_hand(kind: str, expected: int) -> None:
    assert count_candidates(SPACES[kind], 3) == expected


@pytest.mark.parametrize("kind", ["single_operation", "rand_augment", "sub_policies", "recipes"])
def test_enumerated_candidates_are_all_different(kind: str) -> None:
    digests = [candidate.digest for candidate in enumerate_candidates(SPACES[kind], 3)]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("name", ["rand-augment", "photometric"])
def test_the_grids_of_presets_are_enumerated_whole(name: str) -> None:
    space = SPACES[name]
    total = count_candidates(space)
    assert total is not None
    assert sum(1 for _ in enumerate_candidates(space, 1)) == total


@pytest.mark.parametrize("name", SPACES)
def test_the_order_of_enumeration_is_fixed(name: str) -> None:
    first, again = (
        [c.digest for c in itertools.islice(enumerate_candidates(SPACES[name], 3), 30)]
        for _ in range(2)
    )
    assert first == again


def test_a_range_without_points_has_no_count() -> None:
    assert count_candidates(SPACES["rand_augment"]) is None
    assert count_candidates(SPACES["single_operation"]) == 6


def test_a_range_of_one_number_counts_once() -> None:
    space = space_of("rand_augment", magnitude={"min": 0.5, "max": 0.5})
    assert count_candidates(space) == 2 == len(list(enumerate_candidates(space, 5)))


def test_huge_spaces_are_counted_exactly() -> None:
    space = space_of(
        "sub_policies",
        operations=["invert", "equalize", *({"op": "hue", "strength": 0.1} for _ in range(13))],
        sub_policies=50,
        operations_per_sub_policy=8,
    )
    assert count_candidates(space) == 15**400


def test_the_points_of_a_range_include_both_ends() -> None:
    space = space_of("rand_augment", count=[1], operations=["rotate"])
    strengths = []
    for candidate in enumerate_candidates(space, 3):
        stage = candidate.views[0][0]
        assert isinstance(stage, Sample)
        assert isinstance(stage.of[0], Operation)
        strengths.append(stage.of[0].high)
    assert strengths == pytest.approx([3.0, 15.0, 27.0])


@pytest.mark.parametrize(("draw", "low"), [("fixed", 20.0), ("up_to", 0.0)])
def test_a_strength_is_used_as_it_is_or_drawn_up_to(draw: str, low: float) -> None:
    operation = {"op": "rotate", "strength": 20}
    space = parse_space({"kind": "single_operation", "operations": [operation], "draw": draw})
    stage = draw_candidate(space, random.Random(0), "x").views[0][0]
    assert isinstance(stage, Operation)
    assert (stage.low, stage.high, stage.sign) == (low, 20.0, "random")


def test_strengths_of_integer_operations_are_whole() -> None:
    operation = {"op": "posterize", "strength": {"min": 0.0, "max": 4.0}}
    space = parse_space({"kind": "single_operation", "operations": [operation]})
    drawn = set()
    for seed in range(40):
        stage = draw_candidate(space, random.Random(seed), "x").views[0][0]
        assert isinstance(stage, Operation)
        drawn.add(stage.high)
    assert drawn == {0.0, 1.0, 2.0, 3.0, 4.0}


def test_what_is_never_applied_is_left_out_of_a_pipeline() -> None:
    space = space_of("pipeline")
    without = [c for c in enumerate_candidates(space, 1) if len(c.views[0]) == 2]
    assert len(without) == 4


def test_every_operation_of_a_space_is_drawn() -> None:
    space = SPACES["single-operation"]
    assert isinstance(space.name, str)
    drawn = {draw_candidate(space, random.Random(seed), "x").name for seed in range(300)}
    assert len(drawn) == 16
