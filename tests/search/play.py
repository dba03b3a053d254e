"""A search played without training: any outcome is a function of the trial's place."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from quarterturn.pretrain.outcome import VOTERS
from quarterturn.search.history import (
    Candidate,
    History,
    Place,
    Plan,
    Proposal,
    TrialRecord,
    TrialRequest,
)
from quarterturn.search.planning import plan
from quarterturn.search.spec import SearchSpec

#: Every strategy; those of `ORDERED` depend on the order in which trials end, by design.
_BY_ROTATION: dict[str, dict[str, Any]] = {
    "random": {"strategy": {"kind": "random", "candidates": 5}, "seeds": 2},
    "grid": {"search_space": "rand-augment", "strategy": {"kind": "grid"}, "seeds": 1},
    "list": {
        "strategy": {"kind": "list", "candidates": [{"name": "own", "views": [[{"op": "invert"}]]}]}
    },
    "base_augmentation": {"strategy": "base_augmentation", "seeds": 1},
    "self_rand_augment": {"strategy": "self_rand_augment", "seeds": 1},
    "halving": {
        "search_space": "selfaugment",
        "strategy": {"kind": "successive_halving", "candidates": 9, "rungs": 3},
        "seeds": 2,
    },
    "halving of a grid": {
        "strategy": {"kind": "successive_halving", "proposals": "grid", "candidates": 7},
        "seeds": 1,
    },
    "halving with tpe": {
        "search_space": "rand-augment",
        "strategy": {
            "kind": "successive_halving",
            "proposals": "tpe",
            "candidates": 9,
            "generations": 3,
        },
        "seeds": 1,
    },
    "halving with evolution": {
        "strategy": {"kind": "successive_halving", "proposals": "evolution", "candidates": 12},
        "seeds": 2,
    },
    "asha": {"strategy": {"kind": "asha", "candidates": 9}, "seeds": 2},
    "asha with evolution": {
        "strategy": {"kind": "asha", "candidates": 12, "proposals": "evolution"},
        "seeds": 1,
    },
    "asha with tpe": {
        "strategy": {"kind": "asha", "candidates": 12, "proposals": "tpe"},
        "seeds": 1,
    },
    "assembled": {
        "strategy": {"kind": "density_matching", "folds": 2, "keep": 5, "beam": 3},
        "seeds": 1,
    },
    "density with tpe": {
        "strategy": {
            "kind": "density_matching",
            "search": "tpe",
            "folds": 2,
            "candidates": 30,
            "batch": 10,
            "top": 2,
            "objectives": ["minimax_weighted"],
        },
        "seeds": 1,
    },
    "density at random": {
        "strategy": {
            "kind": "density_matching",
            "search": "random",
            "folds": 2,
            "candidates": 20,
            "top": 3,
        },
        "seeds": 1,
    },
    "pipeline": {"strategy": {"kind": "pipeline", "confirmation": {"seeds": 2, "top": 2}}},
    "whole pipeline": {
        "strategy": {
            "kind": "pipeline",
            "base": {},
            "search": {"kind": "density_matching", "folds": 2, "keep": 4, "beam": 2},
            "confirmation": {"seeds": 4},
        },
    },
    "trials": {"strategy": {"kind": "random", "candidates": 5}, "budget": {"trials": 9}},
    "iterations": {"iterations": 50, "budget": {"iterations": 777}},
    "pipeline cut short": {"strategy": "pipeline", "budget": {"iterations": 9000}},
    "asha cut short": {"strategy": "asha", "budget": {"iterations": 4000}},
    "density cut short": {
        "strategy": {"kind": "density_matching", "folds": 2},
        "budget": {"iterations": 900},
    },
}
_BY_GAIN: dict[str, dict[str, Any]] = {
    "recipes": {"strategy": {"kind": "recipes", "changes": 7}, "seeds": 2},
    "everything by default": {},
    "a quick search without some operations": {"effort": "quick", "exclude": ["hue", "grayscale"]},
    "recipes against one's own": {
        "incumbent": {"name": "mine", "views": [[{"op": "invert", "probability": 0.5}]]},
        "strategy": {"kind": "pipeline", "confirmation": {"seeds": 3}},
        "budget": {"trials": 30},
    },
    "halving by gain": {"search_space": "photometric", "seeds": 1},
}
SPECS = {
    **{name: {"scoring": {"criterion": "rotation"}, **one} for name, one in _BY_ROTATION.items()},
    **_BY_GAIN,
}
ORDERED = {name for name in SPECS if name.startswith("asha")}
#: The number of trials depends on scores or on the order in which they end.
ESTIMATED = ORDERED | {"assembled", "whole pipeline"}


def votes_of(place: Place) -> dict[str, float]:
    """Criteria that agree somewhat, as those of real encoders do; not all are held out."""
    draws = random.Random(f"votes of {place}")
    own = random.Random(place[0]).random()
    votes = {name: 0.3 + 0.1 * own + 0.02 * draws.random() for name in VOTERS}
    return {**votes, "rotation_error": 0.01, "held_out_rotation": votes["rotation"] - 0.01}


def score_of(place: Place) -> float:
    return random.Random(repr(place)).random()


def _losses(text: str) -> dict[str, float]:
    draws = random.Random(text)
    return {"rotation": 0.5 + draws.random(), "infonce": 3.0 + draws.random()}


def outcome(request: TrialRequest, failing: bool = False) -> TrialRecord:
    """How a trial ends."""
    common: dict[str, Any] = {"resume_from": request.resume_from, "payload": request.payload}
    if failing and random.Random(f"fail{request.place}").random() < 0.2:
        return TrialRecord(*request.place, state="failed", **common)
    common |= {"state": "completed", "iterations_run": request.cost, "seconds": 1.0}
    if request.payload is not None:
        policies = request.payload.get("policies", [])
        result = {**_losses(request.task), "losses": [_losses(repr(p)) for p in policies]}
        return TrialRecord(*request.place, result=result, **common)
    score = score_of(request.place)
    return TrialRecord(
        *request.place,
        score=score,
        held_out=score - 0.01,
        sampling_error=0.01,
        criteria=votes_of(request.place),
        **common,
    )


class Player:
    """A job in memory: what is recorded, and nothing of what the planner said before."""

    def __init__(self, spec: SearchSpec, *, failing: bool = False) -> None:
        self.spec, self.failing = spec, failing
        self.done: list[TrialRecord] = []
        self.open: dict[Place, TrialRequest] = {}
        self.candidates: dict[str, Candidate] = {}

    def history(self, order: random.Random) -> History:
        """All records in an order of chance."""
        waiting = [
            TrialRecord(*place, resume_from=r.resume_from, payload=r.payload)
            for place, r in self.open.items()
        ]
        trials = [*self.done, *waiting]
        proposals = [
            Proposal(c.key, c.number, c.parameters or {})
            for c in self.candidates.values()
            if c.number is not None
        ]
        order.shuffle(trials)
        order.shuffle(proposals)
        return History(tuple(trials), 0.0, tuple(proposals))

    def record(self, coming: Plan) -> None:
        for request in coming.trials:
            assert request.place not in self.open
            assert request.place not in {trial.place for trial in self.done}
            self.open[request.place] = request
            self.candidates.setdefault(request.candidate.key, request.candidate)

    def end_one(self, order: random.Random) -> None:
        place = order.choice(sorted(self.open))
        self.done.append(outcome(self.open.pop(place), self.failing))


def play(
    spec: SearchSpec,
    seed: int,
    *,
    failing: bool = False,
    watch: Callable[[Player], None] = lambda _: None,
) -> Player:
    """Play to the end: trials end in random order, and after each the planner is asked anew."""
    player, order = Player(spec, failing=failing), random.Random(seed)
    while True:
        coming = plan(spec, player.history(order))
        player.record(coming)
        if coming.finished:
            assert not player.open
            return player
        assert player.open, "not finished, yet nothing to do"
        watch(player)
        player.end_one(order)
