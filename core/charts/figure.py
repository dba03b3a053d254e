"""What a figure is, its axes, and its forms as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing
from core.charts.scales import Scale, number, ticks

Cell = str | int | float | None
WIDTH, HEIGHT = 560.0, 300.0


@dataclass(frozen=True)
class Figure:
    """A figure: what it is called, how to read it, its drawing, and its numbers as a table."""

    title: str
    reading: str
    svg: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def csv(self) -> str:
        """The numbers; texts that a spreadsheet would run as a formula are quoted."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.head)
        for row in self.rows:
            writer.writerow("" if cell is None else _harmless(cell) for cell in row)
        return out.getvalue()


def _harmless(cell: Cell) -> Cell:
    risky = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t"))
    return f"'{cell}" if risky else cell


def nothing_yet(title: str, reading: str, why: str, head: Sequence[str] = ()) -> Figure:
    """A figure of which there are no numbers yet."""
    drawing = Drawing(WIDTH, 120.0, title, why)
    drawing.text(WIDTH / 2, 64, why, "soft", anchor="middle")
    return Figure(title, reading, drawing.svg(), tuple(head), ())


def x_axis(
    drawing: Drawing, scale: Scale, y: float, top: float, label: str, about: int = 6
) -> None:
    """Grid lines up to `top`, numbers below `y`, and what they mean."""
    for tick in ticks(scale.low, scale.high, about):
        x = scale(tick)
        drawing.line([(x, top), (x, y)], "line")
        drawing.text(x, y + 16, number(tick), "soft", anchor="middle")
    drawing.text((scale.start + scale.end) / 2, y + 35, label, "soft", anchor="middle")


def y_axis(
    drawing: Drawing, scale: Scale, x: float, right: float, label: str, about: int = 5
) -> None:
    """Grid lines to `right`, numbers left of `x`, and what they mean."""
    for tick in ticks(scale.low, scale.high, about):
        y = scale(tick)
        drawing.line([(x, y), (right, y)], "line")
        drawing.text(x - 7, y + 4, number(tick), "soft", anchor="end")
    drawing.text(14, (scale.start + scale.end) / 2, label, "soft", anchor="middle", turned=True)


def legend(drawing: Drawing, y: float, entries: Sequence[tuple[str, str, str]], x: float) -> None:
    """Marks with their names, in one line. Each entry is (mark, colour, name)."""
    for mark, colour, name in entries:
        if mark == "ring":
            drawing.dot(x + 8, y - 4, colour, hollow=True)
        elif mark == "dot":
            drawing.dot(x + 8, y - 4, colour)
        elif mark == "cross":
            drawing.cross(x + 8, y - 4, colour)
        elif mark == "box":
            drawing.box(x + 3, y - 9, 10, 10, colour)
        else:
            dashes = "5 3" if mark == "dashes" else None
            drawing.line([(x, y - 4), (x + 16, y - 4)], colour, width=2.2, dashes=dashes)
        drawing.text(x + 21, y, name, "soft")
        x += 36 + 6.3 * len(name)


def spread(values: Sequence[float], low: float, high: float, apart: float) -> list[float]:
    """Places near `values` (sorted), within [low, high], at least `apart` from one another."""
    places: list[float] = []
    for value in values:
        places.append(max(value, places[-1] + apart) if places else max(value, low))
    over = (places[-1] - high) if places else 0.0
    if over > 0:
        places = [place - over for place in places]
        for at in range(len(places) - 2, -1, -1):
            places[at] = min(
                values[at] if values[at] < places[at] else places[at], places[at + 1] - apart
            )
    return places
