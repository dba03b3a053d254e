"""The assembled search where a trial failed: a hard fold must not pass for a bad policy."""

from __future__ import annotations

import json
import random

import pytest

from quarterturn.search.history import History, Place, TrialRecord, TrialRequest
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.search.strategies import density

SPEC = parse_search(
    {
        "strategy": {
            "kind": "density_matching",
            "folds": 3,
            "keep": 6,
            "beam": 4,
            "batch": 10,
            "objectives": ["min_rotation", "minimax_weighted"],
        },
        "iterations": 5,
        "seeds": 1,
    }
)
#: Losses of the base on each fold: the last is far easier.
BASES = (
    {"rotation": 1.0, "infonce": 5.0},
    {"rotation": 1.1, "infonce": 5.2},
    {"rotation": 0.3, "infonce": 2.0},
)


def _outcome(request: TrialRequest, lost: str | None) -> TrialRecord:
    if request.task == lost:
        return TrialRecord(*request.place, state="crashed", payload=request.payload)
    assert request.payload is not None
    base = BASES[request.payload["fold"]]
    losses = []
    for prefix in request.payload.get("policies", []):
        # Each sub-policy shifts all folds alike.
        draws = random.Random(json.dumps(prefix, sort_keys=True))
        losses.append({name: value + draws.random() for name, value in base.items()})
    result = {"losses": losses} if losses else {**base, "loss": 1.0}
    return TrialRecord(*request.place, state="completed", payload=request.payload, result=result)


def _found(spec: SearchSpec, lost: str | None = None) -> dict[str, str]:
    records: dict[Place, TrialRecord] = {}
    while True:
        explored = density.explore(spec, History(tuple(records.values())))
        if explored.found is not None:
            assert lost is None or lost in {place[3] for place in records}
            return {name: policy.digest for name, policy in explored.found.items()}
        for request in explored.requests:
            records.setdefault(request.place, _outcome(request, lost))


@pytest.mark.parametrize(
    "lost",
    ["density/level1/0/2", "density/level1/2/0", "density/level2/0/2", "density/finalists/0/1"],
)
def test_a_lost_trial_changes_nothing_where_policies_shift_all_folds_alike(lost: str) -> None:
    assert _found(SPEC, lost) == _found(SPEC)


def test_a_lost_fold_is_left_out() -> None:
    whole = _found(SPEC)
    assert _found(SPEC, "fold/2").keys() == whole.keys()
    assert _found(SPEC, "fold/2")["min_rotation"] == whole["min_rotation"]
