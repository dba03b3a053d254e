"""`quarterturn search` in processes of this machine."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from quarterturn.cli.outcome import INTERRUPTED, Outcome
from quarterturn.cli.showing import write
from quarterturn.errors import InvalidInputError

if TYPE_CHECKING:
    from quarterturn.local import Search, SearchResult

#: Of a service; a job file may have them, and here they have no meaning.
_OF_SERVICES = ("name", "worker")


def _search_of(path: Path, asked: dict[str, Any], outcome: Outcome, **running: Any) -> Search:
    from quarterturn.local import Search

    if idle := [name for name in _OF_SERVICES if asked.get(name) is not None]:
        outcome.say(f"note: not used without a service: {', '.join(idle)}", fg="yellow")
    here = {name: value for name, value in asked.items() if name not in _OF_SERVICES}
    try:
        return Search(path, **here, **running)
    except InvalidInputError as error:
        if error.code == "needs_service":
            error.message = "Checkpoints by id lie in a service; add --server or --serve."
        raise


def run_here(
    path: Path,
    asked: dict[str, Any],
    outcome: Outcome,
    folder: Path | None,
    running: dict[str, Any],
) -> None:
    """Search, show the ranking, and write the policy and its card beside it.

    Args:
        asked: arguments of `quarterturn.Search`, and `name` and `worker`.
        running: its arguments of where and how it runs.
    """
    search = _search_of(path, asked, outcome, **running)
    # One for each search that is asked for, so that another one finds its own.
    beside = outcome.beside or Path("policy.json")
    run_search(search, path, outcome, folder or beside.with_suffix(".search") / search.digest)


def run_search(search: Search, path: Path, outcome: Outcome, kept: Path) -> None:
    """The same of a search that was made before, in the folder `kept`."""
    # kill should end a search as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with outcome.shown():
        outcome.say(f"Reading {path} ...")
        try:
            result = search.run(kept)
        except KeyboardInterrupt:
            outcome.say("Ended by Ctrl-C before there was anything to select from.")
            outcome.say(f"Results: {kept.resolve()} (the same command goes on from there)")
            raise typer.Exit(INTERRUPTED) from None
        _show(result, outcome)
        _hand_out(result, outcome, kept)


def _show(result: SearchResult, outcome: Outcome) -> None:
    from quarterturn.local.view import final_view
    from quarterturn.results import display

    display.show_dataset(_images(result))
    display.show_ranking(final_view(result.spec, result.conclusion.ranking, result.warnings))
    display.show_effects(result.importance.to_dict(), result.spec.scoring.criterion)
    if result.stopped:
        outcome.say("Stopped early: the best so far, of the trials that had completed.")


def _images(result: SearchResult) -> dict[str, Any]:
    info, report = result.images.info, result.images.report
    return {
        "images": info.images,
        "resolution": info.resolution,
        "skipped_reasons": report.reasons,
        "notes": [asdict(note) for note in report.notes],
    }


def _hand_out(result: SearchResult, outcome: Outcome, kept: Path) -> None:
    """Write policy, card and encoder, and say where they lie."""
    from quarterturn.local.view import final_view

    files = {"results": str(kept.resolve())}
    if (beside := outcome.beside) is not None:
        card = beside.with_suffix(".card.md")
        files |= {"policy": str(beside.resolve()), "card": str(card.resolve())}
        files |= _keep_encoder(result, beside, outcome)
    view = final_view(result.spec, result.conclusion.ranking, result.warnings)
    state = {"stopped": result.stopped, "exhausted": result.exhausted}
    document = {**state, "images": _images(result), **view, "files": files}
    outcome.hand_out(result.policy.document, document)
    if beside is not None:
        write(card, result.card().encode())
    for name, bold in (("policy", True), ("card", False)):
        if name in files:
            outcome.say(f"{name.capitalize() + ':':<8} {files[name]}", bold=bold)
    outcome.say(f"Results: {kept.resolve()} (the same command goes on from there)")


def _keep_encoder(result: SearchResult, beside: Path, outcome: Outcome) -> dict[str, str]:
    from quarterturn.local.running import JOB
    from quarterturn.storage.keys import encoder_key

    if result.spec.final_pretraining is None:
        return {}
    path = result.folder / encoder_key(JOB)
    if not path.exists():
        outcome.say("Encoder: its pretraining did not complete.", fg="yellow")
        return {}
    target = beside.with_suffix(".encoder.safetensors")
    write(target, path.read_bytes())
    outcome.say(f"Encoder: {target.resolve()}")
    return {"encoder": str(target.resolve())}
