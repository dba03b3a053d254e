"""Estimates with their intervals, one a line: rankings, effects, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing, short
from core.charts.figure import WIDTH, legend, x_axis
from core.charts.scales import Scale, widened

_LEFT = 190.0


@dataclass(frozen=True)
class Estimate:
    """A line: its name, the value with the ends of its interval, how it is drawn, a remark."""

    name: str
    value: float
    low: float
    high: float
    colour: str = "blue"
    hollow: bool = False
    remark: str = ""


def forest(
    estimates: Sequence[Estimate],
    *,
    title: str,
    description: str,
    axis: str,
    least: float,
    reach: float | None = None,
    marked: float | None = None,
    mark: str = "",
    marks: Sequence[tuple[str, str, str]] = (),
) -> Drawing:
    """The drawing.

    Args:
        axis: what the values are. least: the least that the axis spans.
        reach: how far from 0 the axis goes at most; intervals that go on end in an arrow.
        marked: a value to draw a dashed line at, called `mark`.
        marks: of the legend.
    """
    row = 24.0
    top = 30.0 if marks else 10.0
    bottom = top + row * len(estimates)
    drawing = Drawing(WIDTH, bottom + 46, title, description)
    ends = [end for e in estimates for end in (e.low, e.high)]
    if reach is not None:
        ends = [min(max(end, -reach), reach) for end in ends]
    low, high = widened([*ends, *([] if marked is None else [marked])], least=least)
    x = Scale(low, high, _LEFT, WIDTH - 20)
    x_axis(drawing, x, bottom + 4, top, axis, 5)
    if marked is not None:
        at = x(marked)
        drawing.line([(at, top), (at, bottom + 4)], "soft", width=1.3, dashes="3 3")
        drawing.text(at + 4, top + 9, mark, "soft", size=11)
    for place, estimate in enumerate(estimates):
        y = top + row * (place + 0.5)
        drawing.text(_LEFT - 12, y + 4, short(estimate.name, 25), anchor="end")
        drawing.error(x(estimate.low), x(estimate.high), y, estimate.colour)
        if estimate.low < low:
            drawing.arrow(x(low), y, -1, estimate.colour)
        if estimate.high > high:
            drawing.arrow(x(high), y, 1, estimate.colour)
        drawing.dot(
            x(estimate.value),
            y,
            estimate.colour,
            radius=4.2,
            hollow=estimate.hollow,
            hint=f"{estimate.name}: {estimate.value:.4g} ({estimate.low:.4g} to "
            f"{estimate.high:.4g}). {estimate.remark}".strip(),
        )
    if marks:
        legend(drawing, 17, marks, 8.0)
    return drawing
