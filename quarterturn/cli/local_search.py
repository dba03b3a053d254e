"""`quarterturn search` in processes of this machine."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from quarterturn.errors import InvalidInputError, UnavailableError


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror}.", code="output_not_writable"
        ) from None


def run_here(
    path: Path,
    asked: dict[str, Any],
    output: Path,
    folder: Path | None,
    workers: int | None,
    device: str,
) -> None:
    """Search, show the ranking, and write the policy and its card beside it.

    Args:
        asked: arguments of `quarterturn.Search`.
    """
    from quarterturn.local import Search
    from quarterturn.local.view import final_view
    from quarterturn.results import display

    try:
        search = Search(path, **asked, n_workers=workers, device=device)
    except InvalidInputError as error:
        if error.code == "needs_service":
            error.message = "Checkpoints by id lie in a service; add --server or --serve."
        raise
    # kill should end a search as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # One for each search that is asked for, so that another one finds its own.
    kept = folder or output.with_suffix(".search") / search.digest
    typer.echo(f"Reading {path} ...")
    result = search.run(kept)
    info = result.images.info
    display.show_dataset(
        {
            "images": info.images,
            "resolution": info.resolution,
            "skipped_reasons": result.images.report.reasons,
            "notes": [asdict(note) for note in result.images.report.notes],
        }
    )
    display.show_ranking(final_view(result.spec, result.conclusion.ranking, result.warnings))
    display.show_effects(result.importance.to_dict(), result.spec.scoring.criterion)
    if result.stopped:
        typer.echo("Stopped early; what had completed is ranked.", err=True)
    result.save(output)
    card = output.with_suffix(".card.md")
    _write(card, result.card())
    typer.secho(f"Policy:  {output.resolve()}", bold=True)
    typer.echo(f"Card:    {card.resolve()}")
    typer.echo(f"Results: {kept.resolve()} (the same command goes on from there)")
    if result.spec.final_pretraining is not None:
        _keep_encoder(result.folder, output)


def _keep_encoder(folder: Path, output: Path) -> None:
    from quarterturn.local.running import JOB
    from quarterturn.storage.keys import encoder_key

    path = folder / encoder_key(JOB)
    if path.exists():
        target = output.with_suffix(".encoder.safetensors")
        target.write_bytes(path.read_bytes())
        typer.echo(f"Encoder: {target.resolve()}")
    else:
        typer.secho("Encoder: its pretraining did not complete.", fg="yellow")
