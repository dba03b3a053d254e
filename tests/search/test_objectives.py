"""The objectives of density matching: signs, weights, and what they do not depend on."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from quarterturn.search.objectives import OBJECTIVES, Objective, value, weights_of
from quarterturn.search.strategy import DensityMatchingStrategy

WEIGHTS = {"rotation": 1 / 0.9, "infonce": 1 / 6.65}
losses = st.fixed_dictionaries({"rotation": st.floats(0.01, 5.0), "infonce": st.floats(0.01, 12.0)})
examples = settings(max_examples=40, deadline=None)


@examples
@given(folds=st.lists(losses, min_size=1, max_size=10))
def test_the_weights_are_one_over_the_mean_loss(folds: list[dict[str, float]]) -> None:
    weights = weights_of(iter(folds))
    assert weights.keys() == {"rotation", "infonce"}
    for name, weight in weights.items():
        assert weight == pytest.approx(1 / np.mean([fold[name] for fold in folds]), rel=1e-9)


def test_the_weights_know_nothing_but_both_losses() -> None:
    assert weights_of([{"rotation": 0.5, "infonce": 4.0, "loss": 0.0, "supervised": 9.0}]) == {
        "rotation": 2.0,
        "infonce": 0.25,
    }


@pytest.mark.parametrize(
    "folds",
    [
        [],
        [{"rotation": 0.0, "infonce": 1.0}],
        [{"rotation": 1.0, "infonce": -1.0}],
        [{"rotation": 1.0, "infonce": math.nan}],
    ],
)
def test_weights_of_nothing_or_of_no_loss_are_refused(folds: list[dict[str, float]]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        weights_of(folds)


def test_the_values_worked_out_by_hand() -> None:
    found = {name: value(name, {"rotation": 1.8, "infonce": 3.325}, WEIGHTS) for name in OBJECTIVES}
    assert found == pytest.approx(
        {
            "min_rotation": 1.8,
            "min_infonce": 3.325,
            "max_infonce": -3.325,
            "minimax": 1.8 - 3.325,
            "minimax_weighted": 2.0 - 0.5,
        }
    )
    assert value("supervised", {"rotation": 1.0, "infonce": 2.0, "supervised": 0.7}, {}) == 0.7


@examples
@given(one=losses, step=st.floats(0.001, 1.0))
def test_what_each_objective_wants(one: dict[str, float], step: float) -> None:
    """The change of what is minimised when one loss grows: +1 avoids it, -1 seeks it."""
    wanted = {
        "min_rotation": (1, 0),
        "min_infonce": (0, 1),
        "max_infonce": (0, -1),
        "minimax": (1, -1),
        "minimax_weighted": (1, -1),
    }
    assert set(wanted) == set(OBJECTIVES)
    for name, signs in wanted.items():
        for loss, sign in zip(("rotation", "infonce"), signs, strict=True):
            grown = {**one, loss: one[loss] + step}
            change = value(name, grown, WEIGHTS) - value(name, one, WEIGHTS)
            assert np.sign(round(change, 9)) == sign


@examples
@given(folds=st.lists(losses, min_size=1, max_size=5), units=st.floats(0.1, 10.0), one=losses)
def test_the_weighted_objective_does_not_depend_on_units(
    folds: list[dict[str, float]], units: float, one: dict[str, float]
) -> None:
    """And is 0 for a policy with the mean losses of the base augmentation."""

    def scaled(item: dict[str, float]) -> dict[str, float]:
        return {**item, "infonce": units * item["infonce"]}

    plain = value("minimax_weighted", one, weights_of(folds))
    other = value("minimax_weighted", scaled(one), weights_of(map(scaled, folds)))
    assert other == pytest.approx(plain, rel=1e-6, abs=1e-9)
    base = {name: float(np.mean([f[name] for f in folds])) for name in ("rotation", "infonce")}
    assert value("minimax_weighted", base, weights_of(folds)) == pytest.approx(0.0, abs=1e-9)


def test_a_search_cannot_ask_for_the_oracle() -> None:
    assert "supervised" not in get_args(Objective)
    with pytest.raises(ValidationError):
        DensityMatchingStrategy.model_validate(
            {"kind": "density_matching", "objectives": ["supervised"]}
        )
    twice = DensityMatchingStrategy.model_validate(
        {"kind": "density_matching", "objectives": ["minimax", "min_rotation", "minimax"]}
    )
    assert twice.objectives == ["minimax", "min_rotation"]
