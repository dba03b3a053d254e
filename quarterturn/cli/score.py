"""`quarterturn score`: which of several encoders knows these images best, without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from quarterturn.cli.showing import AsJson
from quarterturn.errors import InvalidInputError


def score(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="ENCODER... IMAGES",
            help="Files of weights, timm:NAME, torchvision:NAME or hub:OWNER/REPOSITORY:NAME; at "
            "last a folder of images, an archive or a list.",
        ),
    ],
    reference: Annotated[
        str | None, typer.Option(help="Compare with this encoder, given in the same ways.")
    ] = None,
    criterion: Annotated[
        str | None,
        typer.Option(
            help="What ranks: rotation, reference, rankme ... [default: reference where there is "
            "one, else rotation].",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write a page, or for NAME.json the numbers.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Pixels of a side to which images are decoded.")
    ] = None,
    side: Annotated[
        int | None, typer.Option(help="Pixels to which images are resized for every encoder.")
    ] = None,
    images: Annotated[
        int | None, typer.Option(min=100, help="At most so many images for each part.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Rank encoders, or checkpoints of one training, on images, without labels."""
    if len(given) < 2:
        raise InvalidInputError(
            "Give one encoder or more, and at last the images.", code="invalid_encoder"
        )
    from quarterturn.evaluation import score_encoders

    found = score_encoders(
        {_name(source, given[:-1]): source for source in dict.fromkeys(given[:-1])},
        given[-1],
        reference=reference,
        criterion=criterion,
        resolution=resolution,
        side=side,
        images_used=images,
        device=device,
    )
    if as_json:
        import json

        typer.echo(json.dumps(found.to_dict(), indent=2))
    else:
        from quarterturn.results.display import show_table

        show_table(*found.table(), found.notes())
    if output is not None:
        typer.echo(f"Written: {found.save(output).resolve()}", err=as_json)


def _name(source: str, others: list[str]) -> str:
    """The name of a file where no other has it, else its path."""
    short = Path(source).name if Path(source).is_file() else source
    alike = sum(Path(other).name == Path(source).name for other in dict.fromkeys(others))
    return short if alike == 1 else source
