"""From the tensors of any file to the weights of one of our encoders, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from quarterturn.errors import InvalidInputError
from quarterturn.models.header import refusal
from quarterturn.models.matching import Match, match
from quarterturn.models.naming import ENCODERS, LARGE, SMALL, template
from quarterturn.models.tensors import Tensors

_SHOWN = 5


@dataclass(frozen=True)
class Identified:
    """`tensors` by portable name, in the shapes of the file; `reports` has one per encoder."""

    encoder: str
    tensors: Tensors
    reports: list[dict[str, Any]]


def _report(large: Match, small: Match) -> dict[str, Any]:
    """The report of an encoder; what is resized depends on its stem, hence on the images."""
    same = large.resized == small.resized
    sizes = [(large, "always" if same else "images above 64 pixels")]
    if not same:
        sizes.append((small, "images up to 64 pixels"))
    resized = [
        {**line, "when": when} for found, when in sizes for line in found.to_dict()["resized"]
    ]
    return {**large.to_dict(), "resized": resized}


def _misfit(found: Match) -> dict[str, Any]:
    """One line of the refusal: what an encoder lacks in the file."""
    parts = [f"{len(found.names)} of {len(found.names) + len(found.missing)} tensors matched"]
    if found.missing:
        parts.append(f"missing {', '.join(found.missing[:_SHOWN])}")
    if found.beyond:
        shown = ", ".join(found.beyond[:_SHOWN])
        count = len(found.beyond)
        parts.append(f"{count} tensors of the file are of a deeper network, such as {shown}")
    parts += [f"{name} is {list(a)} instead of {list(b)}" for name, a, b in found.misfits[:_SHOWN]]
    report = found.to_dict()
    return {
        "path": "$.file",
        "message": f"{found.encoder}: {'; '.join(parts)}",
        "encoder": found.encoder,
        "missing": report["missing"],
        "misfits": report["misfits"],
        "beyond": report["beyond"],
    }


def identify(tensors: Tensors) -> Identified:
    """Find the encoder that the tensors are of.

    Raises:
        InvalidInputError: `checkpoint_does_not_fit` with what each encoder lacks, or
            `invalid_checkpoint` if a value is not finite.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    pairs = {
        name: tuple(match(name, template(name, size), shapes) for size in (LARGE, SMALL))
        for name in ENCODERS
    }
    fitting = [name for name, (large, small) in pairs.items() if large.fits and small.fits]
    if not fitting:
        nearest = sorted((large for large, _ in pairs.values()), key=lambda m: -len(m.names))
        raise InvalidInputError(
            f"The checkpoint fits none of the encoders {', '.join(ENCODERS)}. Nearest is "
            f"{_misfit(nearest[0])['message']}. See fields for each.",
            code="checkpoint_does_not_fit",
            fields=[_misfit(found) for found in nearest],
        )
    encoder = max(fitting, key=lambda name: len(pairs[name][0].names))
    own = {name: tensors[given] for name, given in pairs[encoder][0].names.items()}
    for name, tensor in own.items():
        if not bool(torch.isfinite(tensor).all()):
            raise refusal(f"tensor {name} has values that are not finite.")
    reports = [_report(large, small) for large, small in pairs.values()]
    return Identified(encoder, own, reports)
