"""Learning curves: the loss of pretraining over its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import SERIES, Drawing, short
from core.charts.figure import HEIGHT, WIDTH, Figure, nothing_yet, spread, x_axis, y_axis
from core.charts.scales import Scale, widened

_HEAD = ("candidate", "iteration", "loss")
_DASHES = (None, "7 3", "2 3")


@dataclass(frozen=True)
class Curve:
    """A candidate's (iteration, loss) pairs, mean over stretches of the run."""

    name: str
    points: tuple[tuple[float, float], ...]


def learning_curves(curves: Sequence[Curve], *, method: str) -> Figure:
    """A line per candidate, named at its end."""
    title = "Learning curves"
    reading = (
        f"Loss of {method} over the pretraining of the candidates that stand first, one seed each. "
        "Stronger policies have a higher loss, since their task is harder: compare the shape, not "
        "the height. A line that falls to nothing at once is a collapse."
    )
    drawn = [curve for curve in curves if len(curve.points) > 1]
    if not drawn:
        return nothing_yet(title, reading, "No pretraining has ended yet.", _HEAD)
    right = WIDTH - 150
    last = max(curve.points[-1][0] for curve in drawn)
    low, high = widened((loss for c in drawn for _, loss in c.points), least=0.05)
    x, y = Scale(0.0, last, 62.0, right), Scale(low, high, HEIGHT - 48, 16.0)
    drawing = Drawing(WIDTH, HEIGHT, title, f"{len(drawn)} candidates over {last:g} iterations.")
    y_axis(drawing, y, x.start, x.end, "loss (nats)")
    x_axis(drawing, x, y.start, y.end, "iterations", 5)
    ends = sorted((y(c.points[-1][1]), place) for place, c in enumerate(drawn))
    heights = spread([end for end, _ in ends], y.end, y.start, 15.0)
    at = {place: height for (_, place), height in zip(ends, heights, strict=True)}
    for place, curve in enumerate(drawn):
        colour = SERIES[place % len(SERIES)]
        line = [(x(step), y(loss)) for step, loss in curve.points]
        drawing.line(line, colour, width=2.0, dashes=_DASHES[place // len(SERIES) % 3])
        drawing.line([line[-1], (right + 14, at[place])], colour, width=0.8, opacity=0.6)
        drawing.text(right + 18, at[place] + 4, short(curve.name, 19), colour, size=11.5)
    rows = tuple((c.name, step, loss) for c in drawn for step, loss in c.points)
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
