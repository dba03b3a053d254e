"""Tables for the screen and the docs, in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.experiments.encoder.accuracy import KINDS, best

_BATCHES = 2  # views of a batch


def _table(title: str, head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    lines = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join([f"\n{title}\n", *("| " + " | ".join(line) + " |" for line in lines)])


def percent(values: list[float]) -> str:
    """Median and, of several, the range, in percent."""
    middle = f"{100 * statistics.median(values):.1f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def speed_table(name: str, samples: dict[str, dict[str, list[float]]], batch_size: int) -> str:
    """Milliseconds of the processor, and images through a forward and backward pass per second."""
    rows = []
    for side, kinds in samples.items():
        step, both = (statistics.median(kinds[kind]) for kind in ("step", "pass"))
        rows.append(
            [side, f"{1e3 * step:.0f}", f"{1e3 * both:.0f}", f"{_BATCHES * batch_size / both:.0f}"]
        )
    head = ["encoder", "ms per step", "ms of passes", "images per second of passes"]
    return _table(f"{name}: milliseconds of one core", head, rows)


def accuracy_table(name: str, found: dict[str, dict[str, list[dict[str, Any]]]]) -> str:
    """Median and range over seeds by budget and side, and which is best."""
    sides = list(dict.fromkeys(side for by_side in found.values() for side in by_side))
    texts = []
    for kind in KINDS:
        rows = [
            [
                side,
                *(
                    percent([run[kind] for run in by_side[side]]) if side in by_side else "-"
                    for by_side in found.values()
                ),
            ]
            for side in sides
        ]
        rows.append(["best", *(best(by_side, kind) for by_side in found.values())])
        head = ["encoder", *(f"{seconds} s" for seconds in found)]
        texts.append(_table(f"{name}: {kind}, percent, by seconds of one core", head, rows))
    return "\n".join(texts)


def separation_table(name: str, found: dict[str, dict[str, Any]]) -> str:
    """How well each side tells policies apart."""
    keys = ["variance_ratio", "spread_points", "between_seeds", "own_accuracy", "accuracy_of_all"]
    rows = [[side, *(f"{one[key]:.2f}" for key in keys)] for side, one in found.items()]
    return _table(f"{name}: policies told apart by rotation", ["encoder", *keys], rows)


def format_table(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """Time of bf16 over that of fp32, by instructions and encoder."""
    sides = list(next(iter(found.values())))
    rows = [
        [isa, *(f"{one[side]['bf16'] / one[side]['fp32']:.2f}" for side in sides)]
        for isa, one in found.items()
    ]
    return _table("Passes in bf16: times as long as in fp32", ["instructions", *sides], rows)
