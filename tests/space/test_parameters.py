"""Spaces as dimensions: whatever the parameters, the policy stays within the space."""

from __future__ import annotations

import itertools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import Operation, Sample
from quarterturn.space import (
    SearchSpace,
    count_candidates,
    draw_candidate,
    enumerate_candidates,
    parse_space,
)
from quarterturn.space.parameters import Dimension, build, dimensions
from tests.space.examples import SPACES as EXAMPLES
from tests.space.examples import space_of, with_draw
from tests.space.membership import belongs, within

SPACES: dict[str, SearchSpace] = {
    **EXAMPLES,
    "ranges": parse_space(
        {
            "kind": "pipeline",
            "operations": [
                {
                    "op": "rotate",
                    "strength": {"min": 3, "max": 150},
                    "probability": {"min": 0.2, "max": 0.7},
                },
                {"op": "posterize", "probability": {"min": 0.0, "max": 1.0}},
                {"op": "random_resized_crop", "strength": {"min": 0.0, "max": 0.95}},
            ],
        }
    ),
}
GRIDS = ["rand-augment", "photometric", "grid of single operations"]
SPACES["grid of single operations"] = parse_space(
    {
        "kind": "single_operation",
        "operations": [
            {
                "op": "rotate",
                "strength": {"values": [10, 20, 40]},
                "probability": {"values": [0.5, 1]},
            },
            "invert",
            {"op": "hue", "strength": {"values": [0.1, 0.3]}},
        ],
    }
)


def _values(axis: Dimension) -> st.SearchStrategy[int | float]:
    return st.integers(0, axis.choices - 1) if axis.choices else st.floats(0.0, 1.0)


def _parameters(space: SearchSpace) -> st.SearchStrategy[dict[str, int | float]]:
    return st.fixed_dictionaries({axis.name: _values(axis) for axis in dimensions(space)})


@pytest.mark.parametrize("draw", ["fixed", "up_to"])
@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_any_parameters_build_a_policy_of_the_space(
    name: str, draw: str, data: st.DataObject
) -> None:
    space = with_draw(SPACES[name], draw)
    parameters = data.draw(_parameters(space))
    policy = build(space, parameters, "built")
    assert belongs(policy, space)
    if space.kind == "rand_augment":
        (stage,) = policy.views[0][: len(policy.views[0]) - 2]
        assert isinstance(stage, Sample)
        for leaf in stage.of:
            assert isinstance(leaf, Operation)
            info = OPERATIONS[leaf.op]
            if info.has_strength and not info.integer:
                assert within(leaf.high / info.search_limit, space.magnitude, slack=1e-4)
    again = build(space, json.loads(json.dumps(parameters)), "again")
    assert again.digest == policy.digest


@pytest.mark.parametrize("name", SPACES)
def test_drawn_parameters_build_a_policy_of_the_space(name: str) -> None:
    space = SPACES[name]
    digests = set()
    for seed in range(12):
        generator = random.Random(seed)
        policy = build(space, {a.name: a.draw(generator) for a in dimensions(space)}, "drawn")
        assert belongs(policy, space)
        digests.add(policy.digest)
    assert len(digests) > 1, "parameters make a difference"


@given(
    ends=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)).map(sorted),
    value=st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_a_range_is_not_left_by_rounding(ends: list[float], value: float) -> None:
    low, high = ends
    operation = {"op": "hue", "strength": {"min": low, "max": high}}
    space = parse_space({"kind": "single_operation", "operations": [operation], "draw": "fixed"})
    stage = build(space, {"0.probability": 0.5, "0.strength": value}, "x").views[0][0]
    assert isinstance(stage, Operation)
    assert low <= stage.high <= high


@pytest.mark.parametrize("name", SPACES)
def test_names_of_dimensions_are_distinct_and_none_is_idle_in_a_pipeline(name: str) -> None:
    """Each dimension of a pipeline changes the policy; those of a slot depend on its operation."""
    space = SPACES[name]
    axes = dimensions(space)
    assert len({axis.name for axis in axes}) == len(axes)
    assert all(axis.choices != 1 for axis in axes)
    if space.kind not in ("pipeline", "rand_augment"):
        return
    middle = {a.name: a.choices - 1 if a.choices else 0.9 for a in axes}
    usual = build(space, middle, "x").digest
    for axis in axes:
        assert build(space, {**middle, axis.name: 0 if axis.choices else 0.1}, "x").digest != usual


@pytest.mark.parametrize("name", GRIDS)
def test_the_dimensions_of_a_grid_reach_what_is_enumerated_and_nothing_else(name: str) -> None:
    """There and back: the policies of all parameters are the candidates of the space."""
    space = SPACES[name]
    steps = [
        range(axis.choices) if axis.choices else [0.0, 0.3, 0.5, 0.7, 1.0]
        for axis in dimensions(space)
    ]
    names = [axis.name for axis in dimensions(space)]
    combinations = list(itertools.product(*steps))
    if len(combinations) > 400:
        combinations = random.Random(0).sample(combinations, 400)
    built = {build(space, dict(zip(names, c, strict=True)), "x").digest for c in combinations}
    enumerated = {policy.digest for policy in enumerate_candidates(space, 1)}
    assert built <= enumerated
    if len(enumerated) < 100:
        assert built == enumerated
        assert len(built) == count_candidates(space)
    else:
        assert len(built) == len(combinations), "other choices, other policies"


def test_the_ends_of_a_range_are_reached() -> None:
    space = SPACES["ranges"]
    low = build(space, {a.name: 0.0 for a in dimensions(space)}, "low").views[0]
    high = build(space, {a.name: 1.0 for a in dimensions(space)}, "high").views[0]
    assert [stage.op for stage in low] == ["rotate", "random_resized_crop"], "posterize is never"
    assert [stage.op for stage in high] == ["rotate", "posterize", "random_resized_crop"]
    rotations = [stages[0] for stages in (low, high)]
    assert [(r.probability, r.high) for r in rotations if isinstance(r, Operation)] == [
        (0.2, 3.0),
        (0.7, 150.0),
    ]


def test_missing_parameters_mean_the_top_of_a_range() -> None:
    """A dimension with one value is none; what is left out must be what the space states."""
    space = space_of("rand_augment", count=[2], magnitude=0.4)
    assert dimensions(space) == []
    drawn = draw_candidate(space, random.Random(0), "x")
    assert build(space, {}, "x").digest == drawn.digest
