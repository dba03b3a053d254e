"""What is run: two bases, and a smoke run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quarterturn.pretrain.spec import PretrainingSpec

RUNS = Path(".quarterturn/bench/hpt")
TARGETS = ["emoji", "wesnoth", "animal-mnist", "mnist"]


@dataclass(frozen=True)
class Config:
    """One base and what is compared with it.

    Attributes:
        base: a set to pretrain on, `imagenet` (of mobilenet_v2), or a file of weights.
        scratch, warm, norms: budgets in iterations of scratch, of HPT, and of HPT-BN.
        robust: budgets of scratch and of HPT on `robust_sets`, and `shares` of the images.
        ranked: the full length of `policies` policies on `ranked_sets`; the truth is what
            `make bench-correlation` found after `truth` iterations.
        most: pretraining images. measured: images of each part that the linear probe sees.
        resolution: pixels of a side where it is not that of the set.
    """

    base: str
    encoder: str
    batch_size: int
    learning_rate: float
    most: int
    measured: int
    scratch: list[int]
    warm: list[int]
    norms: list[int]
    base_iterations: int = 0
    resolution: int | None = None
    sets: list[str] = field(default_factory=lambda: list(TARGETS))
    robust_sets: list[str] = field(default_factory=list)
    robust: tuple[int, int] = (200, 40)
    shares: list[float] = field(default_factory=lambda: [0.01, 0.1, 0.25, 1.0])
    ranked_sets: list[str] = field(default_factory=list)
    ranked: int = 100
    policies: int = 12
    truth: int = 300
    seeds: list[int] = field(default_factory=lambda: [0])
    device: str = "auto"

    def pretraining(self, variant: str = "full") -> PretrainingSpec:
        """Hyper-parameters of all runs, the same for all that is compared."""
        document: dict[str, Any] = {
            "encoder": self.encoder,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
        }
        if variant != "full":  # what it starts from is given beside the spec
            document |= {"variant": variant, "init": {"shared_warmup": {"iterations": 1}}}
        return PretrainingSpec.model_validate(document)

    @property
    def folder(self) -> Path:
        """Runs that differ in anything here are kept apart."""
        parts = [
            self.encoder,
            self.resolution or "own",
            self.batch_size,
            self.learning_rate,
            self.most,
            self.measured,
            Path(self.base).stem,
            self.base_iterations,
        ]
        return RUNS / "-".join(map(str, parts))


CONFIGURATIONS = {
    "imagenet": Config(
        base="imagenet",
        encoder="mobilenet_v2",
        resolution=96,
        batch_size=32,
        learning_rate=3e-4,
        most=3000,
        measured=600,
        scratch=[60, 120],
        warm=[1, 2, 6],
        norms=[1, 6],
    ),
    "cifar10": Config(
        base="cifar10",
        encoder="resnet_tiny",
        base_iterations=3000,
        batch_size=64,
        learning_rate=3e-3,
        most=6000,
        measured=4000,
        scratch=[50, 100, 200, 400],
        warm=[1, 2, 5, 10, 20, 40, 80],
        norms=[1, 5, 20, 80],
        robust_sets=["emoji", "animal-mnist"],
        ranked_sets=["animal-mnist", "mnist"],
    ),
}

_SMOKE = dataclasses.replace(
    CONFIGURATIONS["cifar10"],
    base="animal-mnist",
    sets=["animal-mnist"],
    base_iterations=4,
    scratch=[2, 6],
    warm=[1, 3],
    norms=[1],
    batch_size=32,
    most=500,
    measured=300,
    robust=(3, 2),
    robust_sets=["animal-mnist"],
    shares=[0.25, 1.0],
    ranked_sets=["animal-mnist"],
    ranked=4,
    policies=4,
)
QUICK = {"smoke": _SMOKE}
