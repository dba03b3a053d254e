"""A search that is given more: what was tried stays part of it."""

from __future__ import annotations

from typing import Any

import pytest

from quarterturn.errors import InvalidInputError
from quarterturn.search.course import plan
from quarterturn.search.extension import extended
from quarterturn.search.history import History, Proposal, TrialRecord
from quarterturn.search.spec import SearchSpec, parse_search

_HALVING = {"kind": "successive_halving", "candidates": 6, "rungs": 2, "eta": 3}
_STRATEGIES: dict[str, dict[str, Any]] = {
    "random": {"strategy": {"kind": "random", "candidates": 6}},
    "recipes": {"strategy": {"kind": "recipes", "changes": 7, "generations": 2}},
    "halving": {"strategy": _HALVING},
    "evolution": {"strategy": {**_HALVING, "proposals": "evolution", "generations": 3}},
    "asha": {"strategy": {"kind": "asha", "candidates": 6}},
    "pipeline": {
        "strategy": {
            "kind": "pipeline",
            "search": {"kind": "recipes", "changes": 6, "generations": 2},
            "confirmation": {"top": 2, "seeds": 2},
        }
    },
}


def _score(key: str, seed: int) -> float:
    return int(key[:6], 16) / 16**6 + seed % 7 / 1000


def _play(spec: SearchSpec, history: History) -> tuple[History, int]:
    """The search played to its end, and how many trials were new."""
    trials, proposals = list(history.trials), {p.key: p for p in history.proposals}
    new = 0
    while True:
        coming = plan(spec, History(tuple(trials), 0.0, tuple(proposals.values())))
        if coming.finished:
            return History(tuple(trials), 0.0, tuple(proposals.values())), new
        assert coming.trials, "it goes on"
        for request in coming.trials:
            score = _score(request.candidate.key, request.seed)
            trials.append(
                TrialRecord(
                    *request.place,
                    state="completed",
                    score=score,
                    held_out=score,
                    sampling_error=0.01,
                    resume_from=request.resume_from,
                )
            )
            candidate = request.candidate
            if candidate.number is not None:
                proposals.setdefault(
                    candidate.key,
                    Proposal(candidate.key, candidate.number, candidate.parameters or {}),
                )
            new += 1


def _places(history: History) -> set[Any]:
    return set(history.by_place())


@pytest.mark.parametrize("name", list(_STRATEGIES))
def test_more_candidates_cost_only_what_is_new(name: str) -> None:
    spec = parse_search({**_STRATEGIES[name], "iterations": 90, "seeds": 1})
    first, _ = _play(spec, History())
    more = extended(spec, candidates=11)
    second, new = _play(more, first)
    assert _places(first) < _places(second)
    assert new == len(_places(second)) - len(_places(first)) >= 5
    assert len({t.candidate for t in second.trials}) >= len({t.candidate for t in first.trials}) + 5


def test_a_raised_budget_ends_where_a_larger_one_would_have() -> None:
    asked = {**_STRATEGIES["recipes"], "iterations": 90, "seeds": 2}
    small = parse_search({**asked, "budget": {"trials": 9}})
    first, _ = _play(small, History())
    assert len(first.trials) == 9
    second, new = _play(extended(small, budget={"trials": 20}), first)
    assert (len(second.trials), new) == (20, 11)
    whole, _ = _play(parse_search({**asked, "budget": {"trials": 20}}), History())
    assert _places(whole) == _places(second)
    assert extended(small, budget={"trials": None}).budget.trials is None


@pytest.mark.parametrize(
    ("budget", "candidates", "words"),
    [
        ({"trials": 3}, None, "must not become less"),
        ({"seconds": 3.0}, None, "has no limit now"),
        ({"hours": 3}, None, "is not one of"),
        (None, 5, "must not become less"),
    ],
)
def test_less_is_refused(
    budget: dict[str, float] | None, candidates: int | None, words: str
) -> None:
    spec = parse_search({**_STRATEGIES["random"], "budget": {"trials": 9}})
    with pytest.raises(InvalidInputError, match=words) as refused:
        extended(spec, budget, candidates)
    assert refused.value.code == "invalid_extension"


def test_a_fixed_set_has_no_more() -> None:
    for strategy in ({"kind": "grid"}, {**_HALVING, "proposals": "grid"}):
        with pytest.raises(InvalidInputError, match="is fixed"):
            extended(parse_search({"strategy": strategy}), candidates=50)


def test_recipes_without_changes_get_some() -> None:
    spec = parse_search({"strategy": {"kind": "recipes", "changes": 0, "generations": 2}})
    more = extended(spec, candidates=5).strategy
    assert (more.changes, more.generations) == (5, 2)  # type: ignore[union-attr]
