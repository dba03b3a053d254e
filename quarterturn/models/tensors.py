"""Weights in memory, and the digest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import torch

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Weights:
    """Tensors by portable name, with the digest that names them in provenances."""

    tensors: Tensors
    digest: str

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and other.digest == self.digest


def digest_of(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes and float32 values, 64 hex digits; not of the file's layout."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().to("cpu", torch.float32).contiguous()
        total.update(json.dumps([name, list(tensor.shape)]).encode())
        total.update(tensor.numpy().tobytes())
    return total.hexdigest()
