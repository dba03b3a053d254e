"""Which operations go with a better score, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.charts.figure import Figure, nothing_yet
from core.charts.forest import Estimate, forest
from quarterturn.search.importance import QUESTIONS

_HEAD = ("operations", "question", "effect", "low", "high", "p", "verdict", "candidates")
_COLOURS = {"better": "green", "worse": "red", "unclear": "grey"}
_SHOWN = 16


def _p_value(value: float | None) -> str:
    return "" if value is None else f", p = {value:.2g}"


def importance_figure(found: Mapping[str, Any], *, unit: str, scale: float) -> Figure:
    """The effects of `quarterturn.search.importance`, as a dictionary."""
    title = "Operations that matter"
    reading = (
        "How the score changes with an operation, and from none to most of it, over the candidates "
        "of one rung. Lines are 95 % intervals; green and red hold, after correction for all "
        "questions where there is a p-value, grey do not; an arrow goes on. Associations within "
        "this search, not causes."
    )
    asked = [e for e in found["effects"] if e["effect"] is not None]
    if not asked:
        count = found["candidates"]
        why = f"Scored alike so far: {count}. That is too few to say what matters."
        return nothing_yet(title, reading, why, _HEAD)
    estimates = [
        Estimate(
            f"{', '.join(e['operations'])}{' (amount)' if e['kind'] == 'dose' else ''}",
            e["effect"] * scale,
            e["low"] * scale,
            e["high"] * scale,
            _COLOURS[e["verdict"]],
            e["verdict"] == "unclear",
            QUESTIONS[e["kind"]] + _p_value(e["p_value"]),
        )
        for e in asked[:_SHOWN]
    ]
    drawing = forest(
        estimates,
        title=title,
        axis=f"change of the score, {unit}",
        least=0.01 * scale,
        description=f"{len(asked)} effects over {found['candidates']} candidates at "
        f"{found['iterations']} iterations.",
        reach=3.0 * max(abs(e.value) for e in estimates) + 0.01 * scale,
        marked=0.0,
        mark="",
        marks=(("dot", "green", "better"), ("dot", "red", "worse"), ("ring", "grey", "unclear")),
    )
    rows = tuple(
        (
            " ".join(e["operations"]),
            QUESTIONS[e["kind"]],
            e["effect"],
            e["low"],
            e["high"],
            e["p_value"],
            e["verdict"],
            e["candidates"],
        )
        for e in found["effects"]
    )
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
