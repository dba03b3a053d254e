"""The final encoder of a job as a torch module."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import ENCODERS, WeightsMismatchError, load_portable
from quarterturn.models.reading import read_safetensors


class PretrainedEncoder(nn.Module):
    """Images (n, 3, h, w), float in [0, 1], to pooled features (n, dimension); normalises first."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, name: str, resolution: int, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.encoder = build_encoder(name, resolution)
        self.dimension = self.encoder.dimension
        self.resolution = resolution
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.encoder((images - self.mean) / self.std)
        return features


def load_encoder(path: str | Path) -> PretrainedEncoder:
    """The encoder of a file from `GET /v1/jobs/{id}/encoder`, in evaluation mode.

    Raises:
        InvalidInputError: `file_unreadable`, `invalid_checkpoint` or `not_an_encoder`.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(f"There is no file at {path}.", code="file_unreadable")
    tensors = read_safetensors(path)
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata() or {}
    try:
        if metadata["architecture"] not in ENCODERS:
            raise ValueError(metadata["architecture"])
        encoder = PretrainedEncoder(
            metadata["architecture"],
            int(metadata["resolution"]),
            json.loads(metadata["mean"]),
            json.loads(metadata["std"]),
        )
        load_portable(encoder.encoder, tensors)
    except (KeyError, ValueError, TypeError, RuntimeError, WeightsMismatchError) as error:
        raise InvalidInputError(
            f"{path.name} is no final encoder of a job ({type(error).__name__}: {error}). Fetch it "
            "from GET /v1/jobs/{id}/encoder.",
            code="not_an_encoder",
        ) from None
    return encoder.eval()
