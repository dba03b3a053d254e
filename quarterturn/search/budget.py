"""Budgets as people write them, and budgets that are too small."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.search.history import History, TrialRequest
from quarterturn.search.planning import wanted
from quarterturn.search.spec import SearchSpec
from quarterturn.search.stages import is_stage

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_budget(values: Iterable[str]) -> dict[str, Any]:
    """`150s`, `10m`, `2h`, `trials=40`, `iterations=5000`, `seconds=90`.

    Raises:
        InvalidInputError: none of these.
    """
    budget: dict[str, Any] = {}
    for value in (part for text in values for part in text.split(",")):
        duration = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", value)
        named = re.fullmatch(r"(trials|iterations|seconds)=(\d+)", value)
        if duration:
            budget["seconds"] = float(duration[1]) * _UNITS[duration[2]]
        elif named:
            budget[named[1]] = int(named[2])
        else:
            raise InvalidInputError(
                f"{value!r} is no budget. Write a time such as 150s, 10m or 2h, or "
                "trials=40 or iterations=5000.",
                code="invalid_budget",
            )
    return budget


def refuse_unaffordable(spec: SearchSpec, coming: list[TrialRequest]) -> None:
    """Refuse a budget within which no candidate is pretrained and scored.

    Args:
        coming: all trials that the budget allows.

    Raises:
        InvalidInputError: `budget_too_small`.
    """
    if not coming:
        first = wanted(spec, History()).requests[0]
        sentence = (
            f"The budget does not allow a single trial: the first takes {first.cost} iterations."
        )
    elif all(request.payload is not None or is_stage(request.task) for request in coming):
        sentence = (
            "The budget ends before the first candidate is pretrained: what comes before, such as "
            "a shared warm-up, encoders of folds and the policies scored on them, takes "
            f"{sum(request.cost for request in coming)} iterations in {len(coming)} trials."
        )
    else:
        return
    raise InvalidInputError(
        f"{sentence} Raise it, or leave it out.",
        code="budget_too_small",
        fields=[{"path": "$.budget", "message": "ends before any candidate is scored"}],
    )
