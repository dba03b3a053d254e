"""`make bench-encoder`: one tiny run of it, and what it makes of scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.experiments.correlation import collect
from benchmarks.experiments.encoder import runs
from benchmarks.experiments.encoder.accuracy import accuracies, best, beyond
from benchmarks.experiments.encoder.separation import separation, variance_ratio
from benchmarks.experiments.encoder.sides import DESIGNS, build
from benchmarks.experiments.encoder.speed import speeds, step_seconds
from benchmarks.experiments.encoder.tables import accuracy_table, separation_table, speed_table


@pytest.mark.parametrize("side", [*DESIGNS, "resnet_tiny fp32"])
def test_every_design_says_how_wide_its_features_are(side: str) -> None:
    encoder = build(side, 28).eval()
    assert encoder(torch.randn(2, 3, 28, 28)).shape == (2, encoder.dimension)


def test_a_run_measures_trains_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect, "DATA", tmp_path / "data")
    monkeypatch.setattr(runs, "_LIMITS", dict.fromkeys(runs._LIMITS, 100))
    runs.loaded.cache_clear()
    config = runs.Config(tmp_path / "runs", most=300, batch_size=32)
    name, sides = "animal-mnist", ["resnet_tiny", "conv4"]
    samples = speeds(config, name, sides, "crop_flip", rounds=1)
    assert all(step_seconds(samples)[side] > 0 for side in sides)
    steps = {"resnet_tiny": 0.5, "conv4": 0.25}
    found = accuracies(config, name, {side: [1.0] for side in sides}, steps, "crop_flip", [0, 1])
    assert {side: made[0]["iterations"] for side, made in found["1"].items()} == {
        "resnet_tiny": 2,
        "conv4": 4,
    }
    assert all(0.1 < run["rotation"] < 1 for made in found["1"].values() for run in made)
    kept = sorted((tmp_path / "runs").rglob("*.json"))
    told = separation(config, name, sides, 1.0, steps, [0, 1], ["none", "crop_flip"])
    assert len(sorted((tmp_path / "runs").rglob("*.json"))) == 2 * len(kept)  # none made twice
    for text in (
        speed_table(name, samples, 32),
        accuracy_table(name, found),
        separation_table(name, told),
    ):
        assert all(f"| {side} |" in text for side in sides)
    runs.loaded.cache_clear()


def test_what_a_seed_adds_to_all_policies_is_no_noise() -> None:
    scores = np.array([[0.3, 0.5], [0.4, 0.62], [0.6, 0.79]])
    shifted = scores + np.array([0.1, -0.2])
    assert variance_ratio(shifted) == pytest.approx(variance_ratio(scores))
    assert variance_ratio(scores) > 100
    assert variance_ratio(np.array([[0.3, 0.6], [0.6, 0.3], [0.4, 0.5]])) == pytest.approx(0)


def test_one_is_better_beyond_seeds_only_without_overlap() -> None:
    sides = {
        "a": [{"supervised": 0.5}, {"supervised": 0.6}],
        "b": [{"supervised": 0.4}, {"supervised": 0.55}],
        "c": [{"supervised": 0.3}, {"supervised": 0.45}],
    }
    assert best(sides, "supervised") == "a"
    assert not beyond(sides, "a", "b", "supervised")
    assert beyond(sides, "a", "c", "supervised")
