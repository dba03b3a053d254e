"""Hypothesis strategies of valid policies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    Branch,
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
)

probabilities = st.floats(0.0, 1.0)


def _ordered(low: float, high: float) -> st.SearchStrategy[tuple[float, float]]:
    bound = st.floats(low, high)
    return st.tuples(bound, bound).map(lambda pair: (min(pair), max(pair)))


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Any valid operation."""
    info = OPERATIONS[draw(st.sampled_from(list(OPERATIONS)))]
    fields: dict[str, Any] = {"op": info.name, "probability": draw(probabilities)}
    if info.has_strength:
        fields["strength"] = draw(_ordered(0.0, info.limit) | st.floats(0.0, info.limit))
    if info.signed:
        fields["sign"] = draw(st.sampled_from([None, "random", "positive", "negative"]))
    channel = st.integers(0, 255)
    fields["fill"] = draw(st.none() | st.tuples(channel, channel, channel))
    return Operation.model_validate(fields)


crops = st.builds(
    RandomResizedCrop,
    op=st.just("random_resized_crop"),
    probability=probabilities,
    scale=_ordered(0.01, 1.0),
    ratio=_ordered(0.1, 10.0),
)
leaves = operations() | crops
few_leaves = st.lists(leaves, min_size=1, max_size=4)
stages = (
    leaves
    | st.builds(
        OneOf,
        op=st.just("one_of"),
        probability=probabilities,
        branches=st.lists(
            st.builds(Branch, weight=st.floats(0.01, 100.0), stages=st.lists(leaves, max_size=3)),
            min_size=1,
            max_size=4,
        ),
    )
    | st.builds(
        Sample,
        op=st.just("sample"),
        probability=probabilities,
        count=st.integers(1, 4),
        of=few_leaves,
    )
    | st.builds(Shuffle, op=st.just("shuffle"), probability=probabilities, of=few_leaves)
)
policies = st.builds(
    Policy,
    name=st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20),
    views=st.lists(st.lists(stages, max_size=4), min_size=1, max_size=2),
)
