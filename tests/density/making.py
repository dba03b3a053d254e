"""Trials of density matching on real images, small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from quarterturn.density.execute import execute_density_trial
from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage

INVERT = [{"op": "invert", "probability": 1.0}]
SOLARIZE = [{"op": "solarize", "strength": [0.0, 0.8]}]
FOLDS = 3


def trial_spec(
    task: str,
    fold: int = 0,
    *,
    seed: int = 0,
    iterations: int = 2,
    passes: int = 1,
    policies: list[Any] | None = None,
    stream: str = "search",
    **pretraining: Any,
) -> TrialSpec:
    """What a worker is given: a fold trial, or with `policies` a density trial."""
    payload: dict[str, Any] = {
        "fold": fold,
        "folds": FOLDS,
        "images": 1000,
        "passes": passes,
        "iterations": iterations,
    }
    if policies is not None:
        payload |= {"policies": policies, "stream": stream}
    return TrialSpec(
        pretraining=PretrainingSpec(encoder="resnet_tiny", batch_size=16, **pretraining),
        scoring=ScoringSpec(),
        seed=seed,
        iterations=iterations,
        schedule_iterations=iterations,
        task=task,
        payload=payload,
    )


def run_trial(
    spec: TrialSpec, data: TrialData, folder: Path, watch: Any = lambda _: None
) -> Outcome:
    return execute_density_trial(
        spec,
        crop_flip(),
        28,
        data,
        job="job_x",
        candidate="base",
        checkpoints=CheckpointStore(FolderStorage(folder)),
        watch=watch,
    )


def contents(images: torch.Tensor) -> list[bytes]:
    """What each image is, whatever its place in memory."""
    return [image.contiguous().numpy().tobytes() for image in images]
