"""How many candidates reached each length of pretraining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.drawing import Drawing
from core.charts.figure import HEIGHT, WIDTH, Figure, legend, nothing_yet, y_axis
from core.charts.scales import Scale

_HEAD = ("stage", "iterations", "searched", "baselines", "not scored yet", "best score")


@dataclass(frozen=True)
class Reached:
    """A rung: candidates that were scored there, those that are still to be, and the best score."""

    stage: str
    iterations: int
    searched: int
    baselines: int
    waiting: int
    best: float | None


def survival(rungs: Sequence[Reached], *, unit: str, scale: float) -> Figure:
    """A column per rung, in the order of the search."""
    title = "Survival by rung"
    reading = (
        f"Columns count the candidates that were scored at each length of pretraining. The search "
        "drops the worse of them from one length to the next; the confirmation repeats the best "
        f"with fresh seeds, beside the baselines. Below: iterations, stage, best {unit}."
    )
    if not any(r.searched + r.baselines + r.waiting for r in rungs):
        return nothing_yet(title, reading, "No candidate is being pretrained yet.", _HEAD)
    totals = [r.searched + r.baselines + r.waiting for r in rungs]
    y = Scale(0.0, max(4.0, 1.15 * max(totals)), HEIGHT - 58, 34.0)
    drawing = Drawing(WIDTH, HEIGHT, title, f"{max(totals)} candidates over {len(rungs)} rungs.")
    y_axis(drawing, y, 62.0, WIDTH - 14, "candidates")
    step = (WIDTH - 14 - 62.0) / len(rungs)
    width = min(72.0, 0.62 * step)
    for place, rung in enumerate(rungs):
        middle = 62.0 + step * (place + 0.5)
        top = y.start
        for count, colour, what in (
            (rung.searched, "blue", "searched, scored"),
            (rung.baselines, "orange", "baselines, scored"),
            (rung.waiting, "grey", "not scored yet"),
        ):
            if count:
                height = y.start - y(float(count))
                drawing.box(
                    middle - width / 2,
                    top - height,
                    width,
                    height - 1,
                    colour,
                    hint=f"{rung.iterations} iterations: {count} {what}",
                    opacity=0.45 if colour == "grey" else None,
                )
                top -= height
        drawing.text(middle, top - 6, str(totals[place]), bold=True, anchor="middle")
        drawing.text(middle, y.start + 16, f"{rung.iterations}", anchor="middle")
        drawing.text(middle, y.start + 31, rung.stage, "soft", anchor="middle", size=11.5)
        if rung.best is not None:
            drawing.text(
                middle,
                y.start + 46,
                f"best {rung.best * scale:.3g}",
                "soft",
                anchor="middle",
                size=11.5,
            )
    legend(
        drawing,
        18,
        (
            ("box", "blue", "searched"),
            ("box", "orange", "baselines"),
            ("box", "grey", "not scored yet"),
        ),
        62.0,
    )
    rows = tuple((r.stage, r.iterations, r.searched, r.baselines, r.waiting, r.best) for r in rungs)
    return Figure(title, reading, drawing.svg(), _HEAD, rows)
