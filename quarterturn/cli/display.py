"""What `quarterturn search` shows: progress, ranking, a copy of the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from quarterturn.client import Client

_console = Console()


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d}"


def _accuracy(entry: dict[str, Any]) -> str:
    return f"{100 * entry['score']:.1f} ± {100 * entry['standard_error']:.1f} %"


def show_dataset(dataset: dict[str, Any]) -> None:
    """What became of the files."""
    skipped = dataset["skipped_reasons"]
    reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in skipped.items())
    _console.print(
        f"{dataset['images']} images at {dataset['resolution']} px"
        + (f"; skipped {sum(skipped.values())} files: {reasons}" if skipped else "")
    )


@contextmanager
def progress() -> Iterator[Callable[[dict[str, Any]], None]]:
    """A progress bar with time left and best so far; yields the function that updates it."""
    columns = (
        TextColumn("{task.completed:.0f}/{task.total:.0f} trials"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[left]} left"),
        TextColumn("{task.fields[best]}"),
    )
    with Progress(*columns, console=_console) as bar:
        task = bar.add_task("search", total=1, left="?", best="")

        def watch(state: dict[str, Any]) -> None:
            ended = sum(
                state["counts"][name] for name in ("completed", "failed", "crashed", "cancelled")
            )
            best = state["best"]
            shown = f"best {_accuracy(best)} {best['name']}" if best else "waiting for a worker"
            bar.update(
                task, completed=ended, total=max(1, state["trials_total"]),
                left=_duration(0 if state["policy_ready"] else state["seconds_left"]), best=shown,
            )  # fmt: skip

        yield watch


def show_ranking(state: dict[str, Any]) -> None:
    """The ranking with errors and ties, and the warnings."""
    table = Table(title="Rotation accuracy without labels (chance is 25 %)", title_justify="left")
    for name, justify in (("#", "right"), ("policy", "left"), ("accuracy", "right"),
                          ("seeds", "right"), ("iterations", "right")):  # fmt: skip
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    before = None
    for entry in state["ranking"]:
        if before is not None and entry["iterations"] != before:
            table.add_section()  # other lengths of pretraining are not comparable
        before = entry["iterations"]
        tied = "= " if entry["tied_with_best"] and entry["rank"] > 1 else ""
        marks = " (baseline)" if entry["origin"] == "baseline" else ""
        marks += " (collapsed)" if entry["collapsed"] else ""
        table.add_row(
            f"{tied}{entry['rank']}", entry["name"] + marks, _accuracy(entry),
            str(entry["seeds"]), str(entry["iterations"]),
        )  # fmt: skip
    _console.print(table)
    _console.print("= cannot be told from the first at 95 %.", style="dim")
    for warning in state["warnings"]:
        _console.print(f"warning: {warning['message']}", style="yellow", markup=False)


def page_of(client: Client, job_id: str, policy_file: str) -> str:
    """The dashboard as one file that needs no server; its download is the file beside it."""
    body = client.dashboard_html(job_id)
    body = body.replace(f'href="/v1/jobs/{job_id}/policy"', f'href="{quote(policy_file)}"')
    body = body.replace('href="/v1/', f'href="{client.url}/v1/')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Quarterturn</title><style>{client.style()}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
