"""Checkpoints of trials, from which the next rung continues."""

from __future__ import annotations

import contextlib
import logging
import pickle
import uuid
from pathlib import Path
from typing import Any

import torch

logger = logging.getLogger(__name__)


class CheckpointStore:
    """Files `<folder>/<job>/<candidate>-<seed>-<iterations>.pt`, written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, job: str, candidate: str, seed: int, iterations: int) -> Path:
        return self._folder / job / f"{candidate}-{seed}-{iterations}.pt"

    def weights_path(self, job: str, name: str) -> Path:
        """Where the encoder that a stage ends with lies."""
        return self._folder / job / f"{name}.safetensors"

    def save(
        self, job: str, candidate: str, seed: int, iterations: int, state: dict[str, Any]
    ) -> None:
        """Keep a state; on a full disk it is not kept, and whoever needs it starts afresh."""
        path = self._path(job, candidate, seed, iterations)
        partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, partial)
            partial.replace(path)
        except (OSError, RuntimeError) as error:
            # torch reports a full disk as a RuntimeError.
            logger.warning("a checkpoint is not kept: %s", error)
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def load(
        self, job: str, candidate: str, seed: int, iterations: int, device: torch.device
    ) -> dict[str, Any] | None:
        """The state, or None where it is missing or damaged: the trial then starts afresh."""
        path = self._path(job, candidate, seed, iterations)
        try:
            state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError):
            return None
        return state
