"""What a terminal shows of a search: progress, ranking, warnings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from quarterturn.results.wording import UNITS, name_criterion, score_text
from quarterturn.search.headline import headline

_console = Console()
#: Between lines of progress where no bar can be drawn: in files, pipes and logs of programs.
_LINE_SECONDS = 10.0


@contextmanager
def on_stderr() -> Iterator[None]:
    """Show everything on standard error while the block runs: standard output is for programs."""
    before, _console.stderr = _console.stderr, True
    try:
        yield
    finally:
        _console.stderr = before


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def _accuracy(entry: dict[str, Any], criterion: str) -> str:
    return score_text(entry["score"], entry["standard_error"], criterion)


def show_dataset(dataset: dict[str, Any]) -> None:
    """What became of the files."""
    skipped = dataset["skipped_reasons"]
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in skipped.items())
    _console.print(
        f"{dataset['images']} images at {dataset['resolution']} px"
        + (f"; skipped {sum(skipped.values())} files: {reasons}" if skipped else "")
    )
    for note in dataset.get("notes", []):
        style = "yellow" if note["warning"] else None
        _console.print(f"{'warning: ' if style else ''}{note['message']}", style=style)


def _standing(state: dict[str, Any]) -> tuple[int, int, str, str]:
    """Trials that have ended, trials in all, the time left, and the best so far."""
    ended = sum(state["counts"][name] for name in ("completed", "failed", "crashed", "cancelled"))
    left = _duration(0 if state["policy_ready"] else state["seconds_left"])
    best = state["best"]
    shown = (
        f"best {_accuracy(best, state['criterion'])} {best['name']}"
        if best
        else "waiting for a worker"
    )
    return ended, max(1, state["trials_total"]), left, shown


@contextmanager
def progress() -> Iterator[Callable[[dict[str, Any]], None]]:
    """A progress bar with time left and best so far, or where there is no terminal a line now and
    then; yields the function that updates it.
    """
    if _console.is_terminal or _console.is_jupyter:
        with _bar() as watch:
            yield watch
    else:
        yield _lines()


def _lines() -> Callable[[dict[str, Any]], None]:
    """A line at the first news, then at most every ten seconds, and at the end."""
    said, due = "", 0.0

    def watch(state: dict[str, Any]) -> None:
        nonlocal said, due
        ended, total, left, best = _standing(state)
        line = f"{ended}/{total} trials, {left} left, {best}"
        over = state["policy_ready"] or ended >= total
        if line != said and (over or time.monotonic() >= due):
            said, due = line, time.monotonic() + _LINE_SECONDS
            _console.print(line, markup=False, highlight=False, soft_wrap=True)

    return watch


@contextmanager
def _bar() -> Iterator[Callable[[dict[str, Any]], None]]:
    columns = (
        TextColumn("{task.completed:.0f}/{task.total:.0f} trials"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]} left"),
        TextColumn("{task.fields[best]}"),
    )
    with Progress(*columns, console=_console) as bar:
        task = bar.add_task("search", total=1, left="?", best="")

        def watch(state: dict[str, Any]) -> None:
            ended, total, left, best = _standing(state)
            bar.update(task, completed=ended, total=total, left=left, best=best)

        yield watch


def _reported_seeds(entry: dict[str, Any]) -> str:
    """How many other seeds the reported score comes from."""
    confirmed = entry["stage"] == "confirmation" and entry["reported_seeds"]
    return f" + {len(entry['reported_seeds'])}" if confirmed else ""


def show_ranking(state: dict[str, Any]) -> None:
    """The ranking with errors and ties, and the warnings."""
    criterion = state["criterion"]
    title = "Rotation accuracy in %, without labels (chance is 25 %)"
    if criterion != "rotation":
        unit = f" in {UNITS[criterion]}" if criterion in UNITS else ""
        title = f"{name_criterion(criterion).capitalize()}{unit}, larger is better"
    table = Table(title=title, title_justify="left")
    for name in ("#", "policy", "selected on", "reported", "seeds", "iterations"):
        table.add_column(name, justify="left" if name == "policy" else "right")
    before = None
    for entry in state["ranking"]:
        measured = entry["stage"], entry["iterations"]
        if before is not None and measured != before:
            table.add_section()  # other stages and lengths of pretraining are not comparable
        before = measured
        tied = "= " if entry["tied_with_best"] and entry["rank"] > 1 else ""
        marks = " (baseline)" if entry["origin"] == "baseline" else ""
        marks += " (collapsed)" if entry["collapsed"] else ""
        table.add_row(
            f"{tied}{entry['rank']}",
            entry["name"] + marks,
            score_text(entry["score"], entry["standard_error"], criterion, unit=False),
            score_text(entry["reported"], entry["reported_error"], criterion, unit=False),
            str(entry["seeds"]) + _reported_seeds(entry),
            str(entry["iterations"]),
        )
    _console.print(table)
    _console.print("= not significantly different from the best (95 %).", style="dim")
    _console.print("Reported: on images that selection never saw.", style="dim")
    if state["evidence"]:
        said = headline(criterion, state["evidence"])
        _console.print(f"Evidence: {state['evidence']['level']}. {said}", style="bold")
    for warning in state["warnings"]:
        _console.print(f"warning: {warning['message']}", style="yellow", markup=False)


def show_effects(importance: dict[str, Any], criterion: str) -> None:
    """What operations are worth on these images, where it is known."""
    scale, unit = (100.0, f", {UNITS[criterion]}") if criterion in UNITS else (1.0, "")
    words = [
        f"{', '.join(e['operations'])} {scale * e['effect']:+.3g}"
        f" ({scale * e['low']:+.3g} to {scale * e['high']:+.3g})"
        for e in importance["effects"]
        if e["verdict"] in ("better", "worse")
    ]
    if words:
        _console.print(f"Operations on these images{unit}: {'; '.join(words)}.", markup=False)


def show_table(head: list[str], lines: list[list[str]], notes: list[str]) -> None:
    """A table of text, and what to know of it."""
    table = Table()
    for place, name in enumerate(head):
        widest = max(len(line[place]) for line in lines)
        # Headings are wrapped before names and numbers are.
        table.add_column(
            name,
            justify="left" if place == 1 else "right",
            min_width=min(widest, 32),
            overflow="fold",
        )
    for line in lines:
        table.add_row(*line)
    _console.print(table)
    for note in notes:
        _console.print(note, style="dim", markup=False)
