"""Who ran what, and when; and which leases were lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing, short
from core.charts.figure import WIDTH, Figure, legend, nothing_yet, x_axis
from core.charts.scales import Scale, time_unit

_HEAD = ("worker", "trial", "candidate", "attempt", "begin", "end", "state")
_COLOURS = {
    "completed": "blue",
    "running": "sky",
    "failed": "red",
    "cancelled": "grey",
    "crashed": "red",
    "lost": "red",
    "queued": "grey",
}
WORKERS_SHOWN = 24


@dataclass(frozen=True)
class Span:
    """An attempt at a trial: seconds since the job began. `state` is the trial's, or `lost`."""

    worker: str
    trial: str
    name: str
    attempt: int
    begin: float
    end: float
    state: str


def timeline(spans: Sequence[Span], *, left_out: int) -> Figure:
    """A row per worker.

    Args:
        left_out: attempts that came before those that are given.
    """
    title = "Timeline of workers"
    reading = (
        "Each box is an attempt at a trial. Red boxes with a cross ended without a result: the "
        "worker fell silent and its lease ran out, or the trial failed. Gaps are waiting or pauses."
    )
    if not spans:
        return nothing_yet(title, reading, "No worker has taken a trial yet.", _HEAD)
    if left_out:
        reading += f" The first {left_out} attempts are left out."
    names = list(dict.fromkeys(span.worker for span in spans))
    shown = names[-WORKERS_SHOWN:]
    begin, end = min(s.begin for s in spans), max(s.end for s in spans)
    per, word = time_unit(end)
    row = 30.0
    bottom = 34 + row * len(shown)
    drawing = Drawing(WIDTH, bottom + 46, title, f"{len(spans)} attempts of {len(names)} workers.")
    x = Scale(begin / per if left_out else 0.0, max(end / per, begin / per + 1e-9), 130, WIDTH - 14)
    x_axis(drawing, x, bottom + 2, 30, f"{word} since the first trial began")
    for place, worker in enumerate(shown):
        y = 34 + row * place
        drawing.text(118, y + 19, short(worker, 18), anchor="end", size=11.5)
        for span in (s for s in spans if s.worker == worker):
            left, right = x(span.begin / per), x(span.end / per)
            drawing.box(
                left,
                y + 4,
                max(right - left - 0.8, 1.2),
                row - 10,
                _COLOURS[span.state],
                radius=2.0,
                opacity=0.55 if span.state in ("cancelled", "running") else None,
                hint=f"{span.name}, attempt {span.attempt}: {span.state}, "
                f"{span.end - span.begin:.1f} s",
            )
            if span.state in ("lost", "failed", "crashed"):
                drawing.cross(right, y + row / 2 - 1, "ink", size=5)
    legend(
        drawing,
        18,
        (
            ("box", "blue", "completed"),
            ("box", "sky", "running"),
            ("box", "red", "lost or failed"),
            ("box", "grey", "cancelled"),
        ),
        126.0,
    )
    rows = tuple(
        (s.worker, s.trial, s.name, s.attempt, round(s.begin, 1), round(s.end, 1), s.state)
        for s in spans
    )
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
