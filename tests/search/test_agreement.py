"""Rank correlation of criteria over candidates."""

from __future__ import annotations

import random

import pytest

from quarterturn.search.agreement import agreement, means_by_candidate

_SIGNS = {"rotation": 1, "infonce": -1, "retrieval": 1}


def _measured(count: int, noise: float) -> list[tuple[str, dict[str, float]]]:
    generator = random.Random(0)
    found = []
    for number in range(count):
        for _ in range(2):
            found.append(
                (
                    f"c{number}",
                    {
                        "rotation": 0.5 + 0.01 * number,
                        "infonce": 3.0 - 0.1 * number + generator.gauss(0, noise),
                        "retrieval": generator.random(),
                    },
                )
            )
    return found


def test_criteria_that_agree_after_their_sign() -> None:
    means = means_by_candidate(_measured(12, 0.0), _SIGNS)
    pairs = {tuple(e["criteria"]): e for e in agreement(means, _SIGNS)}
    assert pairs["rotation", "infonce"]["correlation"] == pytest.approx(1.0)
    assert pairs["rotation", "infonce"]["candidates"] == 12
    unrelated = pairs["rotation", "retrieval"]
    assert unrelated["low"] < unrelated["correlation"] < unrelated["high"]
    assert unrelated["high"] - unrelated["low"] > 0.5


def test_means_are_over_trials_and_skip_what_is_missing() -> None:
    means = means_by_candidate(
        [("a", {"rotation": 0.4}), ("a", {"rotation": 0.6, "infonce": float("nan")})], _SIGNS
    )
    assert means == {"a": {"rotation": 0.5}}


def test_few_candidates_and_constants_have_no_correlation() -> None:
    few = agreement(means_by_candidate(_measured(3, 0.1), _SIGNS), _SIGNS)
    assert {entry["correlation"] for entry in few} == {None}
    constant = [(f"c{i}", {"rotation": 0.5, "infonce": float(i)}) for i in range(8)]
    (pair,) = agreement(means_by_candidate(constant, _SIGNS), ["rotation", "infonce"])
    assert pair["correlation"] is None
    assert pair["candidates"] == 8
