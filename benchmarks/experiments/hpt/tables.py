"""Tables for the screen and the docs, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def _table(title: str, head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    lines = [list(map(str, head)), *(list(map(str, row)) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join([f"\n{title}\n", *("| " + " | ".join(line) + " |" for line in lines)])


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def speed_table(title: str, found: dict[str, Any]) -> str:
    """Supervised accuracy in percent by budget, and when the best from scratch is reached."""
    curves = found["curves"]
    budgets = sorted({n for curve in curves.values() for n in curve})
    rows = [
        [arm, _percent(found["untrained" if arm == "scratch" else "direct_transfer"])]
        + [_percent(curve[n]["supervised"] if n in curve else None) for n in budgets]
        for arm, curve in curves.items()
    ]
    first = {arm: one["iterations"] for arm, one in found["reached"].items()}
    note = (
        f"best from scratch {_percent(found['goal'])} at {found['scratch_iterations']}, first "
        f"reached at {first}; direct transfer reaches it: {found['direct_transfer_reaches']}"
    )
    return _table(title, ["start", 0, *budgets], rows) + f"\n{note}"


def robust_table(title: str, found: dict[str, Any]) -> str:
    """Supervised accuracy in percent by policy and by share of the images."""
    keys = [(kind, key) for kind in ("policies", "shares") for key in found["hpt"][kind]]
    rows = [
        [arm, one["iterations"], *(_percent(one[kind][key]) for kind, key in keys)]
        for arm, one in found.items()
    ]
    return _table(title, ["start", "iterations", *(key for _, key in keys)], rows)


def start_table(title: str, found: dict[str, Any]) -> str:
    """Agreement of rotation with the accuracy from scratch at full length, by start and length."""
    rows = [
        [name, f"{one['cost']:.0f}"]
        + [f"{one[key]:.2f}" for key in ("spearman", "top_half", "regret_points", "own_spearman")]
        + [_percent(one["spread_of_supervised"])]
        for name, one in found["starts"].items()
    ]
    head = ["start and length", "cost", "Spearman", "top half", "regret", "own Spearman", "spread"]
    return _table(title, head, rows)
