"""Two jobs side by side: candidates that both scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.charts.drawing import Drawing, short
from core.charts.figure import WIDTH, Figure, legend, nothing_yet, x_axis
from core.charts.scales import Scale, widened

_HEAD = ("policy", "first score", "first error", "second score", "second error")
_SHOWN = 20


def shared_candidates(
    first: Sequence[Mapping[str, Any]],
    second: Sequence[Mapping[str, Any]],
    *,
    unit: str,
    scale: float,
    names: tuple[str, str],
) -> Figure:
    """Of each candidate in both rankings the two scores, joined by a line."""
    title = "Candidates in both"
    reading = (
        "Scores of the policies that both jobs pretrained, such as the baselines, with standard "
        "errors. Where the two lie within their errors of one another, the jobs agree."
    )
    others = {e["candidate"]: e for e in second}
    pairs = [(e, others[e["candidate"]]) for e in first if e["candidate"] in others]
    if not pairs:
        return nothing_yet(title, reading, "No policy was scored by both jobs.", _HEAD)
    shown = pairs[:_SHOWN]
    row, top = 26.0, 32.0
    bottom = top + row * len(shown)
    drawing = Drawing(WIDTH, bottom + 46, title, f"{len(pairs)} policies in both jobs.")
    ends = [
        (e["score"] + sign * e["standard_error"]) * scale
        for pair in shown
        for e in pair
        for sign in (-1, 1)
    ]
    low, high = widened(ends, least=0.02 * scale)
    x = Scale(low, high, 170.0, WIDTH - 20)
    x_axis(drawing, x, bottom + 4, top, unit, 5)
    for place, pair in enumerate(shown):
        y = top + row * (place + 0.5)
        drawing.text(158, y + 4, short(pair[0]["name"], 24), anchor="end")
        drawing.line([(x(e["score"] * scale), y) for e in pair], "soft", width=1.2)
        for entry, colour, hollow, shift in zip(
            pair, ("blue", "orange"), (False, True), (-4, 4), strict=True
        ):
            at, error = entry["score"] * scale, entry["standard_error"] * scale
            drawing.error(x(at - error), x(at + error), y + shift, colour)
            drawing.dot(x(at), y + shift, colour, hollow=hollow, hint=f"{entry['name']}: {at:.4g}")
    legend(
        drawing,
        18,
        (("dot", "blue", short(names[0], 30)), ("ring", "orange", short(names[1], 30))),
        8.0,
    )
    rows = tuple(
        (a["name"], a["score"], a["standard_error"], b["score"], b["standard_error"])
        for a, b in pairs
    )
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
