"""Pictures of datasets, policies and operations by what they are of, drawn once and then kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.previews import drawing
from core.previews.process import drawn, kept
from core.previews.samples import mean_turns, sample_sheet
from core.previews.verdict import verdict_of
from quarterturn.data.cache import open_cache
from quarterturn.errors import NotFoundError
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import Policy

#: Raised when a drawing changes, so that kept ones are drawn anew.
_VERSION = 1


def of_policy(
    folder: Path, policy: Policy, *, images: int, draws: int, seed: int, page: int
) -> bytes:
    """PNG: a row per image, the original beside `draws` views of it."""
    name = f"{_VERSION}-{policy.digest[:24]}-{images}-{draws}-{seed}-{page}.png"
    document = policy.model_copy(update={"selection": None}).to_document()
    return kept(
        folder,
        name,
        lambda: drawn(
            drawing.policy_sheet, folder, document, images=images, draws=draws, seed=seed, page=page
        ),
    )


def of_operation(folder: Path, operation: str, *, seed: int = 0) -> bytes:
    """PNG: two images, and the operation on them at a third, two thirds and all of the largest
    searched strength.

    Raises:
        NotFoundError: `operation_not_found`.
    """
    if operation != "random_resized_crop" and operation not in OPERATIONS:
        raise NotFoundError(
            f"There is no operation {operation!r}. `GET /v1/search-spaces` lists them.",
            code="operation_not_found",
        )
    name = f"{_VERSION}-operation-{operation}-{seed}.png"
    return kept(
        folder,
        name,
        lambda: drawn(drawing.operation_sheet, folder, operation, images=2, seed=seed),
    )


def of_dataset(folder: Path, *, page: int = 0) -> bytes:
    """PNG: 60 of the images."""
    name = f"{_VERSION}-sample-{page}.png"
    return kept(folder, name, lambda: sample_sheet(open_cache(folder), 12, 5, page))


def of_mean(folder: Path) -> bytes:
    """PNG: the mean image in four rotations."""
    return kept(folder, f"{_VERSION}-mean.png", lambda: mean_turns(open_cache(folder)))


def rotation_of(folder: Path) -> dict[str, Any]:
    """How well rotation can be told before training, the verdict, and a sentence."""
    name = f"{_VERSION}-rotation.json"
    found = json.loads(
        kept(folder, name, lambda: json.dumps(drawn(drawing.rotation_of, folder)).encode())
    )
    verdict, sentence = verdict_of(found)
    return {"verdict": verdict, "sentence": sentence, "chance": 0.25, **found}
