"""Parallel coordinates: what the candidates of a search are made of, and how they scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing, short
from core.charts.figure import HEIGHT, WIDTH, Cell, Figure, legend, nothing_yet
from core.charts.scales import Scale, number, widened

_LINES = 150
#: From worst to best; told by width and order too.
_BANDS = (("grey", 0.8, 0.35), ("sky", 1.1, 0.55), ("blue", 2.0, 0.95))


@dataclass(frozen=True)
class Point:
    """A candidate: its value on each axis, and its score."""

    name: str
    values: tuple[float, ...]
    score: float


def _chosen(points: Sequence[Point]) -> list[Point]:
    """The best third of the lines there is room for, and an even part of the rest; worst first."""
    ordered = sorted(points, key=lambda p: (p.score, p.name))
    if len(ordered) <= _LINES:
        return ordered
    best = _LINES // 3
    rest = ordered[:-best]
    step = len(rest) / (_LINES - best)
    return [*(rest[int(n * step)] for n in range(_LINES - best)), *ordered[-best:]]


def _band(share: float) -> tuple[str, float, float]:
    return _BANDS[2 if share >= 0.85 else 1 if share >= 0.5 else 0]


def parallel(
    axes: Sequence[str], points: Sequence[Point], *, meaning: str, unit: str, scale: float
) -> Figure:
    """One line per candidate across the axes, which end at the score.

    Args:
        meaning: of the axes' numbers.
    """
    title = "Parallel coordinates"
    reading = (
        f"Each line is a searched candidate; axes are {meaning}, the last is its score. Thick blue "
        "lines are the best 15 %: where they bundle, the search found something."
    )
    head = ("candidate", *axes, "score")
    if len(points) < 2 or not axes:
        return nothing_yet(title, reading, "Fewer than two candidates were scored alike.", head)
    shown = _chosen(points)
    width = max(WIDTH, 66.0 * (len(axes) + 1))
    drawing = Drawing(
        width, HEIGHT + 24, title, f"{len(shown)} of {len(points)} candidates on {len(axes)} axes."
    )
    step = (width - 110) / len(axes)
    top, bottom = 44.0, HEIGHT - 56.0
    places = [46 + step * n for n in range(len(axes) + 1)]
    scales = [
        Scale(*widened((p.values[n] for p in points), least=1e-6, part=0.0), bottom, top)
        for n in range(len(axes))
    ]
    low, high = widened((p.score * scale for p in points), least=0.005 * scale, part=0.0)
    scales.append(Scale(low, high, bottom, top))
    for rank, point in enumerate(shown):
        colour, thick, opacity = _band((rank + 1) / len(shown))
        values = (*point.values, point.score * scale)
        line = [(x, s(v)) for x, s, v in zip(places, scales, values, strict=True)]
        drawing.line(
            line,
            colour,
            width=thick,
            opacity=opacity,
            hint=f"{point.name}: {point.score * scale:.4g}",
        )
    for place, (x, axis) in enumerate(zip(places, scales, strict=True)):
        drawing.line([(x, top), (x, bottom)], "soft", width=1.2)
        drawing.text(
            x, top - 6, number(float(f"{axis.high:.3g}")), "soft", anchor="middle", size=11
        )
        drawing.text(
            x, bottom + 14, number(float(f"{axis.low:.3g}")), "soft", anchor="middle", size=11
        )
        name = (*axes, unit)[place]
        for line_number, part in enumerate(_wrapped(name, max(8, int(step / 6.2)))):
            drawing.text(x, bottom + 31 + 13 * line_number, part, anchor="middle", size=11.5)
    legend(
        drawing,
        18,
        (("line", "blue", "best 15 %"), ("line", "sky", "better half"), ("line", "grey", "others")),
        40.0,
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple((p.name, *p.values, p.score) for p in points)
    return Figure(title, reading, drawing.svg(), head, rows)


def _wrapped(name: str, most: int) -> list[str]:
    """At most three lines."""
    lines: list[str] = []
    for word in name.replace("_", " ").split():
        if lines and len(lines[-1]) + len(word) < most:
            lines[-1] += f" {word}"
        else:
            lines.append(short(word, most + 2))
    return lines[:3]
