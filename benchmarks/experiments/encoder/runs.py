"""One pretraining of a given length and what it is worth, kept as JSON: a collection can go on."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import RESOLUTION
from benchmarks.experiments.correlation.collect import load_split
from benchmarks.experiments.correlation.field import field
from benchmarks.experiments.correlation.supervised import supervised_accuracy
from benchmarks.experiments.encoder.sides import precision, start
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import PretrainingSpec
from quarterturn.score.features import encode, rotation_features
from quarterturn.score.probe import rotation_probe

#: Images that the probes see: enough for a sampling error of one to two points.
_LIMITS = {"pretrain": 2500, "evaluation": 1000, "probe_train": 1000, "probe_test": 700}


@dataclass(frozen=True)
class Config:
    """What all runs share. `most`: pretraining images."""

    folder: Path
    most: int
    batch_size: int

    @property
    def spec(self) -> PretrainingSpec:
        """Hyper-parameters of all runs, those of a search but for the encoder."""
        return PretrainingSpec(batch_size=self.batch_size)


@dataclass(frozen=True)
class Run:
    """One pretraining; `iterations` are its whole schedule."""

    name: str
    side: str
    policy: str
    seed: int
    iterations: int

    def path(self, config: Config) -> Path:
        parts = [self.side, self.policy, self.seed, self.iterations]
        return config.folder / self.name / ("-".join(map(str, parts)).replace(" ", "_") + ".json")


@lru_cache(maxsize=2)
def loaded(name: str, most: int) -> tuple[Split, TrialData, int]:
    """The parts of a set, what pretraining sees of them, and the pixels of a side."""
    parts = load_split(name, most)
    return parts, parts.trial_data(torch.device("cpu")), RESOLUTION.get(name, 32)


@lru_cache(maxsize=1)
def policies() -> dict[str, Policy]:
    """By name: the field of bench-correlation, and the baselines."""
    return {policy.name: policy for policy in [*field(), *(make() for make in BASELINES.values())]}


def _supervised(run: trainer.Run, parts: Split, data: TrialData) -> float:
    """Accuracy on held-out labels of a linear probe on frozen features."""
    train, test = (
        encode(run.method, data, parts.tensor(part, data.mean.device)[: _LIMITS[part]] / 255.0)[0]
        for part in ("pretrain", "evaluation")
    )
    return supervised_accuracy(train, test, parts)


def _rotation(run: trainer.Run, data: TrialData) -> float:
    train, test = (
        rotation_features(run.method, data, images)[0]
        for images in (
            data.probe_train[: _LIMITS["probe_train"]],
            data.probe_test[: _LIMITS["probe_test"]],
        )
    )
    return rotation_probe(train, test).accuracy


def result(config: Config, run: Run) -> dict[str, Any]:
    """The measurements of a run, made now if they are missing; `seconds` of the processor."""
    path = run.path(config)
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    parts, data, resolution = loaded(run.name, config.most)
    with precision(run.side):
        training = start(run.side, config.spec, data, resolution, run.seed)
        begun = time.process_time()
        trainer.train(
            training,
            policies()[run.policy],
            data,
            config.spec,
            seed=run.seed,
            until=run.iterations,
            length=run.iterations,
            watch=lambda _: None,
        )
        seconds = time.process_time() - begun
        document = {
            **asdict(run),
            "seconds": seconds,
            "supervised": _supervised(training, parts, data),
            "rotation": _rotation(training, data),
            "loss": math.fsum(training.losses[-10:]) / len(training.losses[-10:]),
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document))
    partial.replace(path)
    print(
        f"{run.name} {run.side} {run.policy} {run.iterations} seed {run.seed}: "
        f"linear {document['supervised']:.3f}, rotation {document['rotation']:.3f}, "
        f"{seconds:.1f} s of {time.process_time() - begun:.1f}",
        flush=True,
    )
    return document
