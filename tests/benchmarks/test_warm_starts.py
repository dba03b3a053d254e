"""What `make bench-hpt` makes of its runs; the runs themselves are not made here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.experiments.hpt import speed as measuring
from benchmarks.experiments.hpt.configurations import CONFIGURATIONS
from benchmarks.experiments.hpt.rankings import agreement, supervised_truth


def _curve(*accuracies: tuple[int, float]) -> measuring.Curve:
    return {n: {"supervised": accuracy, "seconds": n * 0.5} for n, accuracy in accuracies}


def test_the_first_budget_that_is_as_good_counts() -> None:
    curve = _curve((10, 0.4), (5, 0.6), (40, 0.7), (80, 0.5))
    found = measuring.reached(curve, 0.6, 400, 300.0)
    assert found == {"iterations": 5, "iterations_ratio": 80.0, "seconds_ratio": 120.0}
    missed = measuring.reached(curve, 0.71, 400, 300.0)
    assert set(missed.values()) == {None}


def test_scratch_is_taken_at_its_best() -> None:
    """Not at its longest; what direct transfer reaches by itself is said."""
    curves = {
        "scratch": _curve((50, 0.3), (100, 0.5), (200, 0.5), (400, 0.45)),
        "hpt": _curve((1, 0.41), (5, 0.5)),
        "hpt_bn": _curve((1, 0.4)),
    }
    found = measuring.compared(curves, untrained=0.1, direct=0.4)
    assert (found["goal"], found["scratch_iterations"]) == (0.5, 100)
    assert found["reached"]["hpt"]["iterations_ratio"] == 20
    assert found["reached"]["hpt_bn"]["iterations"] is None
    assert not found["direct_transfer_reaches"]
    assert measuring.compared(curves, untrained=0.1, direct=0.5)["direct_transfer_reaches"]


def test_agreement_of_a_ranking_with_the_truth() -> None:
    truth = np.array([0.9, 0.8, 0.7, 0.3, 0.2, 0.1])
    same = agreement(truth * 2, truth)
    assert same == pytest.approx({"spearman": 1.0, "top_half": 1.0, "regret_points": 0.0})
    turned = agreement(np.array([0.1, 0.2, 0.3, -1.0, -2.0, -3.0]), truth)
    assert turned["top_half"] == pytest.approx(-1.0)
    assert turned["regret_points"] == pytest.approx(20.0)
    assert agreement(np.ones(6), truth)["spearman"] == 0.0


@pytest.mark.parametrize("name", CONFIGURATIONS["cifar10"].ranked_sets)
def test_the_truth_is_published(name: str) -> None:
    truth = supervised_truth(name, CONFIGURATIONS["cifar10"].truth)
    assert len(truth) >= CONFIGURATIONS["cifar10"].policies
    assert max(truth.values()) > truth["none"] > 0.2
