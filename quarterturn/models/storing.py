"""Weights as this service keeps them: one safetensors file of float32 under portable names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file

from quarterturn.errors import InvalidInputError
from quarterturn.models.reading import read_safetensors
from quarterturn.models.tensors import Weights, digest_of


class WeightsUnavailableError(Exception):
    """The file of weights is not there, or is not what it was."""


def save_weights(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str] | None = None
) -> str:
    """Write the file, whole or not at all, and return its digest."""
    plain = {n: t.detach().to("cpu", torch.float32).contiguous() for n, t in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        save_file(plain, partial, {"format": "pt", **(metadata or {})})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return digest_of(plain)


def load_weights(path: Path, digest: str | None = None) -> Weights:
    """Read the file.

    Raises:
        WeightsUnavailableError: it is missing, damaged, or not of this digest.
    """
    try:
        tensors = read_safetensors(path)
    except (OSError, InvalidInputError) as error:
        raise WeightsUnavailableError(f"{path.name}: {error}") from None
    found = digest_of(tensors)
    if digest is not None and found != digest:
        raise WeightsUnavailableError(f"{path.name} has the digest {found}, not {digest}")
    return Weights(tensors, found)
