"""Best score so far over time, with every trial that was scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing
from core.charts.figure import HEIGHT, WIDTH, Figure, legend, nothing_yet, x_axis, y_axis
from core.charts.scales import Scale, time_unit, widened

_HEAD = ("seconds", "candidate", "origin", "iterations", "score", "raised the best")
_MOST = 400


@dataclass(frozen=True)
class Scored:
    """A trial that was scored: when (seconds since the job began), what, and its score."""

    seconds: float
    score: float
    name: str
    origin: str
    iterations: int


def _records(points: Sequence[Scored]) -> list[int]:
    """The places of those that raised the best of all before them."""
    best, found = float("-inf"), []
    for place, point in enumerate(points):
        if point.score > best:
            best = point.score
            found.append(place)
    return found


def _thinned(places: list[int]) -> list[int]:
    """At most about so many as can be told apart, the first and the last among them."""
    return sorted({*places[:: max(1, len(places) // (_MOST // 2))], *places[-1:]})


def _steps(points: Sequence[Scored], x: Scale, y: Scale, end: float) -> list[tuple[float, float]]:
    line: list[tuple[float, float]] = []
    for place in _thinned(_records(points)):
        point = points[place]
        if line:
            line.append((x(point.seconds), line[-1][1]))
        line.append((x(point.seconds), y(point.score)))
    return [*line, (end, line[-1][1])] if line else []


def best_so_far(points: Sequence[Scored], *, unit: str, scale: float, elapsed: float) -> Figure:
    """Steps of the best searched candidate and of the best baseline.

    Args:
        points: in the order of time.
        unit: what a score is, for the axis. scale: what to multiply scores by.
        elapsed: seconds of the job so far.
    """
    title = "Best so far"
    reading = (
        "Each mark is a trial that was scored. The lines are the best until then, of searched "
        "candidates and of baselines. A line that has been flat for long promises little more."
    )
    if not points:
        return nothing_yet(title, reading, "No trial has been scored yet.", _HEAD)
    most = max(elapsed, points[-1].seconds)
    per, word = time_unit(most)
    shown = [
        Scored(p.seconds / per, p.score * scale, p.name, p.origin, p.iterations) for p in points
    ]
    low, high = widened((p.score for p in shown), least=0.02 * scale)
    x = Scale(0.0, max(most / per, 1e-9), 62.0, WIDTH - 14)
    y = Scale(low, high, HEIGHT - 48, 34.0)
    drawing = Drawing(WIDTH, HEIGHT, title, f"{len(points)} scored trials over {most:.0f} seconds.")
    y_axis(drawing, y, x.start, x.end, unit)
    x_axis(drawing, x, y.start, y.end, f"{word} since the first trial began")
    keep = {*_thinned(_records(shown)), *range(0, len(shown), max(1, len(shown) // _MOST))}
    for place in sorted(keep):
        point = shown[place]
        baseline = point.origin == "baseline"
        drawing.dot(
            x(point.seconds),
            y(point.score),
            "orange" if baseline else "blue",
            radius=2.8,
            hollow=baseline,
            opacity=0.75,
            hint=f"{point.name}, {point.iterations} iterations: {point.score:.4g}",
        )
    for colour, dashes, baseline in (("orange", "6 3", True), ("blue", None, False)):
        chosen = [p for p in shown if (p.origin == "baseline") == baseline]
        if chosen:
            drawing.line(_steps(chosen, x, y, x.end), colour, width=2.4, dashes=dashes)
    legend(drawing, 18, (("line", "blue", "searched"), ("dashes", "orange", "baselines")), x.start)
    raised = set(_records(points))
    rows = tuple(
        (round(p.seconds, 1), p.name, p.origin, p.iterations, p.score, str(place in raised).lower())
        for place, p in enumerate(points)
        if place in keep
    )
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
