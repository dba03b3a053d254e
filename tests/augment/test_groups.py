"""`one_of`, `sample` and `shuffle`.

Brightness on a grey pixel multiplies it by a known factor, so that the value of the result tells
which operations an image got; invert and brightness do not commute, which tells their order.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch

from tests.augment.images import apply, signed

GREY = torch.full((3000, 3, 1, 1), 0.5)
HALF, DOUBLE, INVERT = signed("brightness", -0.5), signed("brightness", 1.0), {"op": "invert"}


def _values(*stages: dict[str, Any], start: torch.Tensor = GREY) -> dict[float, float]:
    """How often each value results, as shares."""
    out = apply(start, *stages)[:, 0, 0, 0]
    counts = Counter(round(value, 4) for value in out.tolist())
    return {value: count / len(start) for value, count in counts.items()}


def _approximately(shares: dict[float, float]) -> Any:
    return pytest.approx(shares, abs=0.04)  # four standard errors of 3000 draws


def _one_of(*branches: tuple[float, list[dict[str, Any]]], **fields: Any) -> dict[str, Any]:
    return {
        "op": "one_of",
        "branches": [{"weight": weight, "stages": stages} for weight, stages in branches],
        **fields,
    }


def test_branches_are_drawn_in_proportion_to_their_weights() -> None:
    stage = _one_of((1, [HALF]), (2, [DOUBLE]), (5, []))
    assert _values(stage) == _approximately({0.25: 1 / 8, 1.0: 2 / 8, 0.5: 5 / 8})


def test_the_stages_of_a_branch_are_applied_in_order() -> None:
    start = torch.full((500, 3, 1, 1), 0.25)
    stage = _one_of((1, [INVERT, HALF]), (1, [HALF, INVERT]))
    assert set(_values(stage, start=start)) == {0.375, 0.875}


def test_branches_of_different_length_do_not_mix() -> None:
    start = torch.full((500, 3, 1, 1), 0.25)
    stage = _one_of((1, [HALF, INVERT, HALF]), (1, [INVERT]), (1, []))
    assert set(_values(stage, start=start)) == {0.4375, 0.75, 0.25}


def test_each_operation_of_a_branch_has_its_own_probability() -> None:
    branch = [{**HALF, "probability": 0.2}, {**INVERT, "probability": 0.5}]
    expected = {0.5: 0.8, 0.25: 0.1, 0.75: 0.1}
    assert _values(_one_of((1, branch))) == _approximately(expected)


def test_branches_that_are_all_empty_do_nothing() -> None:
    assert _values(_one_of((1, []), (3, []))) == {0.5: 1.0}


@pytest.mark.parametrize(
    "stage",
    [
        _one_of((1, [HALF])),
        {"op": "sample", "count": 1, "of": [HALF]},
        {"op": "shuffle", "of": [HALF]},
    ],
    ids=["one_of", "sample", "shuffle"],
)
def test_a_group_is_applied_with_its_probability_as_a_whole(stage: dict[str, Any]) -> None:
    expected = {0.25: 0.3, 0.5: 0.7}
    assert _values({**stage, "probability": 0.3}) == _approximately(expected)


def test_a_group_is_applied_whole_or_not_at_all() -> None:
    stage = {"op": "shuffle", "probability": 0.5, "of": [HALF, signed("brightness", -0.2)]}
    assert set(_values(stage)) == {0.5, 0.2}


def test_with_replacement_an_operation_may_be_drawn_twice() -> None:
    stage = {"op": "sample", "count": 2, "of": [HALF, signed("brightness", 0.0)]}
    assert _values(stage) == _approximately({0.125: 0.25, 0.25: 0.5, 0.5: 0.25})


def test_without_replacement_it_may_not() -> None:
    stage = {
        "op": "sample",
        "count": 2,
        "replace": False,
        "of": [HALF, signed("brightness", -0.2), signed("brightness", 0.2)],
    }
    expected = {0.2: 1 / 3, 0.3: 1 / 3, 0.48: 1 / 3}
    assert _values(stage) == _approximately(expected)


def test_operations_are_sampled_uniformly() -> None:
    factors = [-0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4]
    stage = {"op": "sample", "count": 1, "of": [signed("brightness", f) for f in factors]}
    expected = {round(0.5 * (1 + f), 4): 1 / 7 for f in factors}
    assert _values(stage) == _approximately(expected)


def test_samples_are_applied_in_the_order_drawn() -> None:
    start = torch.full((3000, 3, 1, 1), 0.25)
    stage = {"op": "sample", "count": 2, "replace": False, "of": [HALF, INVERT]}
    assert _values(stage, start=start) == _approximately({0.875: 0.5, 0.375: 0.5})


def test_a_shuffle_applies_all_in_every_order_alike() -> None:
    start = torch.full((3000, 3, 1, 1), 0.4)
    quarter = signed("brightness", -0.75)
    saturating = signed("brightness", 1.0)
    stage = {"op": "shuffle", "of": [INVERT, quarter, saturating]}
    # Worked out by hand: (i q s), (i s q), (q i s), (q s i), (s i q), (s q i).
    orders = [0.3, 0.25, 1.0, 0.8, 0.05, 0.8]
    expected: dict[float, float] = {}
    for value in orders:
        expected[value] = expected.get(value, 0.0) + 1 / 6
    assert _values(stage, start=start) == _approximately(expected)


def test_movements_within_groups_reach_the_images_that_drew_them() -> None:
    row = torch.zeros(400, 3, 4, 4)
    row[..., 0] = 1.0
    flip = {"op": "horizontal_flip"}
    stage = _one_of((1, [flip, signed("translate_x", 0.25)]), (1, [INVERT]), (1, []))
    columns = {tuple(image[0, 0].round().tolist()) for image in apply(row, stage)}
    assert columns == {(0, 0, 1, 0), (0, 1, 1, 1), (1, 0, 0, 0)}
