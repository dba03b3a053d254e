"""`quarterturn search`: from a folder or an archive to a policy file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from quarterturn.cli.connecting import Server
from quarterturn.cli.job_file import over
from quarterturn.cli.options import DataDir, name_or_document
from quarterturn.cli.outcome import Outcome
from quarterturn.cli.showing import STDOUT, AsJson
from quarterturn.errors import InvalidInputError
from quarterturn.search.effort import Effort

if TYPE_CHECKING:
    from quarterturn.local.tracking.log import TrialLog


def _check_output(output: Path) -> None:
    """Refuse an output that cannot be written before the search, not after it."""
    if output == STDOUT:
        return
    folder = output.resolve().parent
    if not folder.is_dir():
        raise InvalidInputError(f"The folder of {output} does not exist.", code="path_not_found")
    writable = os.access(output, os.W_OK) if output.exists() else os.access(folder, os.W_OK)
    if output.is_dir() or not writable:
        raise InvalidInputError(
            f"{output} cannot be written; choose another file with --output.",
            code="output_not_writable",
        )


def _logs(names: list[str] | None, elsewhere: bool) -> list[TrialLog]:
    """The logs that were asked for, before anything is read."""
    if not names:
        return []
    if elsewhere:
        raise InvalidInputError(
            "--log-to is for searches that run here; `quarterturn trials` has those of a job in a "
            "service.",
            code="invalid_log",
        )
    from quarterturn.local.tracking import log_named

    return [log_named(name) for name in names]


def search(
    path: Annotated[
        Path,
        typer.Argument(help="A folder of images, a .zip or .tar, or a list: .txt, .csv, .jsonl."),
    ],
    space: Annotated[
        str | None,
        typer.Option(help="Preset name, JSON, or a JSON file; by default what the strategy needs."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="pipeline, successive_halving, density_matching ..., or JSON [default: pipeline].",
            show_default=False,
        ),
    ] = None,
    effort: Annotated[
        Effort | None,
        typer.Option(help="How much is tried [default: default].", show_default=False),
    ] = None,
    incumbent: Annotated[
        str | None,
        typer.Option(
            help="What you train with today, to be beaten: a recipe, or a policy.json "
            "[default: moco_v2].",
            show_default=False,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="An operation that no policy may have, such as hue; may be repeated."),
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(help="150s, 10m, 2h, trials=40, iterations=5000; may be repeated."),
    ] = None,
    job_file: Annotated[
        Path | None,
        typer.Option(help="Fields of POST /v1/jobs, JSON or YAML; options of the line win."),
    ] = None,
    output: Annotated[
        Path, typer.Option(help="Where to write the policy; - is standard output.")
    ] = Path("policy.json"),
    as_json: AsJson = False,
    iterations: Annotated[int | None, typer.Option(help="Longest pretraining, in steps.")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Repetitions at full length; a pipeline has its own.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    encoder: Annotated[str | None, typer.Option(help="conv4, resnet_small, resnet18 ...")] = None,
    method: Annotated[str | None, typer.Option(help="simclr or moco_v2.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per step.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Working resolution in pixels.")] = None,
    window: Annotated[
        str | None,
        typer.Option(
            help="Values shown as black and white: 0:4095, p0.1:p99.9 [default: from the files].",
            show_default=False,
        ),
    ] = None,
    bands: Annotated[
        str | None, typer.Option(help="Bands taken as red, green and blue: 4,3,2; or one.")
    ] = None,
    fit: Annotated[str, typer.Option(help="To a square by crop, pad or stretch.")] = "crop",
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Start from these weights: a file, or with a server an id."),
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            help="What ranks: auto, rotation, reference ... [default: auto].", show_default=False
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Compare with this encoder, which makes the choice better: a file of weights or "
            "torchvision:mobilenet_v2; with a server an id."
        ),
    ] = None,
    final_iterations: Annotated[
        int | None, typer.Option(help="Then pretrain an encoder with the policy.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Where results are kept, to go on from [default: beside the output].",
            show_default=False,
        ),
    ] = None,
    extend: Annotated[
        Path | None,
        typer.Option(help="Give the search of this folder more: see --budget and --candidates."),
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=1, help="With --extend: searched candidates in all.")
    ] = None,
    log_to: Annotated[
        list[str] | None,
        typer.Option(help="mlflow:FOLDER, tensorboard:FOLDER or wandb:FOLDER; may be repeated."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes [default: one per core].", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    server: Server = None,
    serve: Annotated[
        bool, typer.Option("--serve", help="Use a service on this machine, with a dashboard.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Choose an augmentation policy for a folder or an archive of images, without labels.

    It runs in processes of this machine; with --server or --serve, in a service.
    """
    if not (path.is_file() or path.is_dir()):
        raise InvalidInputError(
            f"There is no file or folder at {path}. Give a folder of images, an archive or a list "
            "of files.",
            code="path_not_found",
        )
    from quarterturn.local.request import incumbent_of

    _check_output(output)
    asked = {
        "space": None if space is None else name_or_document(space, "search space"),
        "strategy": None if strategy is None else name_or_document(strategy, "strategy"),
        "effort": effort,
        "incumbent": None if incumbent is None else incumbent_of(incumbent),
        "exclude": exclude or None,
        "budget": budget or None,
        "iterations": iterations,
        "seeds": seeds,
        "seed": seed,
        "encoder": encoder,
        "method": method,
        "batch_size": batch_size,
        "checkpoint": checkpoint,
        "criterion": criterion,
        "reference": reference,
        "final_iterations": final_iterations,
        "resolution": resolution,
        "window": window,
        "bands": bands,
        "fit": fit,
    }
    asked = over(asked, job_file)
    outcome = Outcome(output, as_json)
    elsewhere = bool(server or serve or data_dir is not None)
    running = {"n_workers": workers, "device": device, "callbacks": _logs(log_to, elsewhere)}
    if extend is not None or candidates is not None:
        from quarterturn.cli.extending import extend_here

        extend_here(path, asked, outcome, extend, candidates, elsewhere, running)
        return
    if elsewhere:
        from quarterturn.cli.remote_search import run_on_server

        run_on_server(path, asked, outcome, server, data_dir)
        return
    from quarterturn.cli.local_search import run_here

    run_here(path, asked, outcome, folder, running)
