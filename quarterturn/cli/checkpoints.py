"""`quarterturn checkpoints`, `quarterturn encoder`: weights to and from a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.cli.connecting import Server, connected
from quarterturn.cli.options import DataDir
from quarterturn.cli.showing import AsJson, deleted
from quarterturn.cli.showing import show as print_documents

checkpoints_commands = typer.Typer(
    help="Weights that searches may start from.", no_args_is_help=True
)

CheckpointId = Annotated[str, typer.Argument(help="The id, as `list` shows it.")]
Name = Annotated[str | None, typer.Option(help="What to call it.")]


@checkpoints_commands.callback()
def _checkpoints() -> None:
    """Weights that searches may start from."""


def _line(checkpoint: dict[str, Any]) -> str:
    size = f"{checkpoint['size_bytes'] / 1e6:.1f} MB"
    source = checkpoint["source"]["kind"]
    return f"{checkpoint['id']}  {checkpoint['encoder']}  {size}  {source}  {checkpoint['name']}"


@checkpoints_commands.command()
def upload(
    path: Annotated[
        Path, typer.Argument(help="A .safetensors file, or a .pth or .ckpt, converted here.")
    ],
    name: Name = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Upload the weights of an encoder; pickles are read here, by torch's restricted unpickler."""
    with connected(server, data_dir) as client:
        print_documents(client.upload_checkpoint(path, name=name), as_json, _line)


@checkpoints_commands.command()
def create(
    from_job: Annotated[str | None, typer.Option(help="A job with a final encoder.")] = None,
    library: Annotated[str | None, typer.Option(help="torchvision or timm.")] = None,
    model: Annotated[
        str | None, typer.Option(help="Of the library, such as resnet18.IMAGENET1K_V1.")
    ] = None,
    path: Annotated[str | None, typer.Option(help="A file on the server.")] = None,
    name: Name = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Make a checkpoint from what the server has: a job, a library or a file."""
    with connected(server, data_dir) as client:
        made = client.create_checkpoint(
            from_job=from_job, library=library, model=model, path=path, name=name
        )
    print_documents(made, as_json, _line)


@checkpoints_commands.command("list")
def list_checkpoints(
    as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """List all checkpoints, the newest first."""
    with connected(server, data_dir) as client:
        print_documents(client.checkpoints(), as_json, _line)


@checkpoints_commands.command()
def show(
    checkpoint_id: CheckpointId,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Show a checkpoint, and how it fits each encoder."""
    with connected(server, data_dir) as client:
        checkpoint = client.checkpoint(checkpoint_id)
    if as_json:
        print_documents(checkpoint, True, _line)
        return
    typer.echo(_line(checkpoint))
    typer.echo(f"digest {checkpoint['digest']}")
    for report in checkpoint["reports"]:
        counts = ", ".join(
            f"{len(value) if isinstance(value, list) else value} {part}"
            for part in ("matched", "missing", "misfits", "resized", "unused")
            if (value := report.get(part)) is not None
        )
        fits = "fits" if report["fits"] else "does not fit"
        typer.echo(f"{report['encoder']}: {fits}; {counts}")


@checkpoints_commands.command()
def delete(
    checkpoint_id: CheckpointId,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Delete a checkpoint; jobs that started from it remain."""
    with connected(server, data_dir) as client:
        client.delete_checkpoint(checkpoint_id)
    deleted(checkpoint_id, as_json)


def encoder(
    job_id: Annotated[str, typer.Argument(help="A job with final_pretraining.")],
    output: Annotated[Path, typer.Option(help="The file; the card lies beside it, as .md.")] = Path(
        "encoder.safetensors"
    ),
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Fetch the final encoder of a job, with its model card."""
    with connected(server, data_dir) as client:
        path = client.download_encoder(job_id, output)
    typer.echo(f"wrote {path} and {path.with_suffix('.md')}")
