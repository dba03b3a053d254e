"""Small searches on real images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quarterturn.local import Search

#: Eight trials of a second: six baselines and two candidates.
SMALL: dict[str, Any] = {
    "space": "rand-augment",
    "strategy": {"kind": "random", "candidates": 2},
    "iterations": 4,
    "seeds": 1,
    "encoder": "resnet_tiny",
    "batch_size": 16,
    "scoring": {"probe_train_images": 64, "probe_test_images": 64},
    "progress": False,
    "n_threads": 1,  # or results would differ in rounding
}


def small_search(images: Any, folder: Path | None = None, **changed: Any) -> Search:
    """A search of eight short trials, in this process."""
    return Search(images, **{"n_workers": 1, **SMALL, "folder": folder, **changed})


def scores_of(result: Any) -> dict[tuple[str, int], float]:
    """The score of each trial, by policy and seed."""
    return {(trial.policy.name, trial.record.seed): trial.record.score for trial in result.trials}
