"""The ranking with its errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.charts.figure import Figure, nothing_yet
from core.charts.forest import Estimate, forest

_HEAD = (
    "rank",
    "policy",
    "origin",
    "score",
    "standard error",
    "seeds",
    "iterations",
    "tied with the first",
    "reported",
    "reported error",
)
SHOWN = 30


def ranking_figure(
    ranking: Sequence[Mapping[str, Any]], *, unit: str, scale: float, chance: float | None
) -> Figure:
    """The first of the ranking.

    Args:
        ranking: entries as the dashboard has them.
        chance: the score of guessing, if that is known.
    """
    title = "Ranking"
    reading = (
        "Mean score of each candidate over its seeds, with one standard error. Hollow marks are "
        "baselines; blue ones are not significantly different from the best, grey ones are worse. "
        "Candidates that were stopped earlier are not comparable with those above them."
    )
    if not ranking:
        return nothing_yet(title, reading, "No candidate has been scored yet.", _HEAD)
    shown = ranking[:SHOWN]
    longest = shown[0]["iterations"]
    estimates = [
        Estimate(
            f"{e['rank']}. {e['name']}",
            e["score"] * scale,
            (e["score"] - e["standard_error"]) * scale,
            (e["score"] + e["standard_error"]) * scale,
            "blue" if e["tied_with_best"] else "grey",
            e["origin"] == "baseline",
            f"{e['seeds']} seeds, {e['iterations']} iterations",
        )
        for e in shown
    ]
    near = chance is not None and min(e.low for e in estimates) < 2.2 * chance * scale
    drawing = forest(
        estimates,
        title=title,
        axis=unit,
        least=0.02 * scale,
        description=f"{len(shown)} of {len(ranking)} candidates; the first is {shown[0]['name']}, "
        f"at {longest} iterations.",
        marked=chance * scale if near and chance is not None else None,
        mark="chance",
        marks=(
            ("dot", "blue", "first, or tied with it"),
            ("dot", "grey", "others"),
            ("ring", "soft", "baseline"),
        ),
    )
    rows = tuple(
        (
            e["rank"],
            e["name"],
            e["origin"],
            e["score"],
            e["standard_error"],
            e["seeds"],
            e["iterations"],
            str(e["tied_with_best"]).lower(),
            e["reported"],
            e["reported_error"],
        )
        for e in ranking
    )
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
