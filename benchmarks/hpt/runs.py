"""One pretraining and its measurements, kept as JSON, so that a collection can go on later."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.correlation.collect import load_split
from benchmarks.correlation.field import field
from benchmarks.correlation.supervised import PARTS, supervised
from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import RESOLUTION
from core.policies.recipes import crop_flip, moco_v2
from core.policies.schema import Policy
from core.pretraining import trainer
from core.pretraining.data import TrialData
from core.pretraining.hardware import choose_device
from core.pretraining.spec import PretrainingSpec, ScoringSpec
from core.scoring.features import encode, rotation_features
from core.scoring.probe import rotation_probe
from core.weights.naming import portable_state
from core.weights.storing import Weights, load_weights, save_weights

RUNS = Path(".quarterturn/bench/hpt")
_MOST_MEASURED = 4000
_BATCH = 500
#: What the five steps of the paper leave out of moco_v2; the last two lose the flip as well.
WEAKENED: dict[str, tuple[str, ...]] = {
    "moco_v2": (),
    "no grayscale": ("grayscale",),
    "no jitter": ("grayscale", "shuffle"),
    "crop and blur": ("grayscale", "shuffle", "horizontal_flip"),
    "crop": ("grayscale", "shuffle", "horizontal_flip", "gaussian_blur"),
}


@dataclass(frozen=True)
class Config:
    """What is run. `base` is a set, or a file of weights of the encoder."""

    base: str
    sets: list[str]
    encoder: str
    base_iterations: int
    scratch: list[int]
    warm: list[int]
    robust: int
    shares: list[float]
    ranked: int
    policies: int
    seeds: list[int]
    batch_size: int
    most: int
    device: str

    def pretraining(self, variant: str = "full") -> PretrainingSpec:
        """Hyper-parameters of all runs."""
        document: dict[str, Any] = {"encoder": self.encoder, "batch_size": self.batch_size}
        if variant != "full":  # what it starts from is given beside the spec
            document |= {"variant": variant, "init": {"shared_warmup": {"iterations": 1}}}
        return PretrainingSpec.model_validate(document)

    @property
    def folder(self) -> Path:
        name = Path(self.base).stem
        return RUNS / f"{self.encoder}-{self.batch_size}-{self.most}-{name}-{self.base_iterations}"


@dataclass(frozen=True)
class Run:
    """`start` is scratch, base or warm_up; no iterations is direct transfer."""

    name: str
    start: str
    iterations: int
    seed: int
    policy: str = "moco_v2"
    share: float = 1.0
    variant: str = "full"

    @property
    def file(self) -> str:
        parts = [str(value).replace(" ", "_") for value in dataclasses.astuple(self)[1:]]
        return "-".join(parts) + ".json"


@lru_cache(maxsize=2)
def _loaded(name: str, most: int, device: str) -> tuple[Split, TrialData]:
    parts = load_split(name, most)
    return parts, parts.trial_data(choose_device(device))


def policies(config: Config) -> dict[str, Policy]:
    """By name: the weakened ones, and the field that is ranked."""
    stages = list(moco_v2().view(0))
    weakened = {
        name: Policy(name=name, views=[[s for s in stages if s.op not in left_out]])
        for name, left_out in WEAKENED.items()
    }
    return {**{p.name: p for p in field()[: config.policies]}, **weakened}


def _trained(
    config: Config, data: TrialData, resolution: int, policy: Policy, iterations: int, seed: int,
    initial: Weights | None = None, variant: str = "full",
) -> trainer.Run:  # fmt: skip
    spec = config.pretraining(variant)
    run = trainer.start(spec, data, resolution, seed, initial)
    trainer.train(
        run, policy, data, spec, seed=seed, until=iterations, length=iterations,
        watch=lambda _: None,
    )  # fmt: skip
    return run


def _kept(path: Path, make: Any) -> Weights:
    if not path.exists():
        save_weights(path, portable_state(make().method.encoder))
    return load_weights(path)


def _initial(config: Config, run: Run) -> Weights | None:
    """What a run starts from; made now if it is missing."""
    if run.start == "base":
        if Path(config.base).suffix:
            return load_weights(Path(config.base))
        _, data = _loaded(config.base, config.most, config.device)
        return _kept(
            config.folder / "base.safetensors",
            lambda: _trained(
                config, data, RESOLUTION.get(config.base, 32), moco_v2(),
                config.base_iterations, 1000,
            ),
        )  # fmt: skip
    if run.start == "warm_up":
        _, data = _loaded(run.name, config.most, config.device)
        return _kept(
            config.folder / run.name / f"warm_up-{config.ranked}-{run.seed}.safetensors",
            lambda: _trained(
                config, data, RESOLUTION.get(run.name, 32), crop_flip(), config.ranked, run.seed
            ),
        )
    return None


@torch.no_grad()
def _measured(run: trainer.Run, parts: Split, data: TrialData, most: int) -> dict[str, float]:
    snapshot: dict[str, Any] = {}
    for part in PARTS:
        images = parts.tensor(part, data.mean.device)[: min(most, _MOST_MEASURED)]
        batches = [
            encode(run.method, data, batch.float() / 255.0)[0]
            for batch in torch.split(images, _BATCH)
        ]
        snapshot[part] = {"features": torch.cat(batches).cpu()}
    limits = ScoringSpec()
    train, test = (
        rotation_features(run.method, data, images[:most])[0]
        for images, most in (
            (data.probe_train, limits.probe_train_images),
            (data.probe_test, limits.probe_test_images),
        )
    )
    rotation = rotation_probe(train, test, limits.l2).accuracy
    return {"supervised": supervised(snapshot, parts)["supervised"], "rotation": rotation}


def result(config: Config, run: Run) -> dict[str, Any]:
    """The measurements of a run, made now if they are missing; `seconds` are those of training."""
    path = config.folder / run.name / run.file
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    initial = _initial(config, run)
    parts, data = _loaded(run.name, config.most, config.device)
    count = max(config.batch_size, round(len(data.pretrain) * run.share))
    some = replace(data, pretrain=data.pretrain[:count])
    started = time.perf_counter()
    trained = _trained(
        config, some, RESOLUTION.get(run.name, 32), policies(config)[run.policy],
        run.iterations, run.seed, initial, run.variant,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    document = {
        **dataclasses.asdict(run), **_measured(trained, parts, data, config.most),
        "seconds": seconds,
        "images": len(some.pretrain), "started_from": initial.digest if initial else None,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document))
    partial.replace(path)
    print(f"{run.name} {run.file} {document['supervised']:.4f}", flush=True)
    return document
