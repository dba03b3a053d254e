"""One pretraining and its measurements, kept as JSON, so that a collection can go on later."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import imagenet_mobilenet
from benchmarks.experiments.correlation.collect import DATA
from benchmarks.experiments.correlation.field import field
from benchmarks.experiments.correlation.supervised import PARTS, supervised
from benchmarks.experiments.hpt.configurations import Config
from benchmarks.experiments.hpt.images import loaded
from quarterturn.models.identifying import identify
from quarterturn.models.naming import portable_state
from quarterturn.models.reading import read_pickle
from quarterturn.models.storing import load_weights, save_weights
from quarterturn.models.tensors import Tensors, Weights
from quarterturn.policy.recipes import crop_flip, moco_v2
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import ScoringSpec
from quarterturn.score.features import encode, rotation_features
from quarterturn.score.probe import rotation_probe

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
class Run:
    """`start` is scratch, base or warm_up; no iterations is direct transfer. With `ranking` the
    rotation is measured as well.
    """

    name: str
    start: str
    iterations: int
    seed: int
    policy: str = "moco_v2"
    share: float = 1.0
    variant: str = "full"
    ranking: bool = False

    @property
    def file(self) -> str:
        parts = [str(value).replace(" ", "_") for value in dataclasses.astuple(self)[1:]]
        return "-".join(parts) + ".json"


def _policies() -> dict[str, Policy]:
    """By name: the weakened ones, and the field that is ranked."""
    stages = list(moco_v2().view(0))
    weakened = {
        name: Policy(name=name, views=[[s for s in stages if s.op not in left_out]])
        for name, left_out in WEAKENED.items()
    }
    return {**{p.name: p for p in field()}, **weakened}


def _trained(
    config: Config,
    data: TrialData,
    resolution: int,
    policy: Policy,
    iterations: int,
    seed: int,
    initial: Weights | None = None,
    variant: str = "full",
) -> trainer.Run:
    spec = config.pretraining(variant)
    run = trainer.start(spec, data, resolution, seed, initial)
    trainer.train(
        run,
        policy,
        data,
        spec,
        seed=seed,
        until=iterations,
        length=iterations,
        watch=lambda _: None,
    )
    return run


def _pretrained(config: Config, name: str, policy: Policy, iterations: int, seed: int) -> Tensors:
    _, data, resolution = loaded(name, config.most, config.resolution, config.device)
    run = _trained(config, data, resolution, policy, iterations, seed)
    return portable_state(run.method.encoder)


def _initial(config: Config, run: Run) -> Weights | None:
    """What a run starts from; made now if it is missing."""
    if run.start == "scratch":
        return None
    if run.start == "base" and Path(config.base).suffix:
        return load_weights(Path(config.base))
    if run.start == "warm_up":
        path = config.folder / run.name / f"warm_up-{config.ranked}-{run.seed}.safetensors"
        if not path.exists():
            save_weights(path, _pretrained(config, run.name, crop_flip(), config.ranked, run.seed))
        return load_weights(path)
    path = config.folder / "base.safetensors"
    if not path.exists():
        tensors = (
            identify(read_pickle(imagenet_mobilenet(DATA))).tensors
            if config.base == "imagenet"
            else _pretrained(config, config.base, moco_v2(), config.base_iterations, 1000)
        )
        save_weights(path, tensors)
    return load_weights(path)


@torch.no_grad()
def _supervised(run: trainer.Run, parts: Split, data: TrialData, most: int) -> float:
    snapshot: dict[str, Any] = {}
    for part in PARTS:
        images = parts.tensor(part, data.mean.device)[:most]
        batches = [
            encode(run.method, data, batch.float() / 255.0)[0]
            for batch in torch.split(images, _BATCH)
        ]
        snapshot[part] = {"features": torch.cat(batches).cpu()}
    return supervised(snapshot, parts)["supervised"]


def _rotation(run: trainer.Run, data: TrialData, most: int) -> float:
    limits = ScoringSpec()
    train, test = (
        rotation_features(run.method, data, images[: min(most, limit)])[0]
        for images, limit in (
            (data.probe_train, limits.probe_train_images),
            (data.probe_test, limits.probe_test_images),
        )
    )
    return rotation_probe(train, test, limits.l2).accuracy


def result(config: Config, run: Run) -> dict[str, Any]:
    """The measurements of a run, made now if they are missing.

    `seconds` are those of training, of the processor: the clock's depend on who else is running.
    """
    path = config.folder / run.name / run.file
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    initial = _initial(config, run)
    parts, data, resolution = loaded(run.name, config.most, config.resolution, config.device)
    count = max(config.batch_size, round(len(data.pretrain) * run.share))
    some = replace(data, pretrain=data.pretrain[:count])
    started = time.process_time()
    trained = _trained(
        config,
        some,
        resolution,
        _policies()[run.policy],
        run.iterations,
        run.seed,
        initial,
        run.variant,
    )
    seconds = time.process_time() - started
    document = {
        **dataclasses.asdict(run),
        "seconds": seconds,
        "supervised": _supervised(trained, parts, data, config.measured),
        "rotation": _rotation(trained, data, config.most) if run.ranking else None,
        "images": len(some.pretrain),
        "started_from": initial.digest if initial else None,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document))
    partial.replace(path)
    print(f"{run.name} {run.file} {document['supervised']:.4f} {seconds:.0f} s", flush=True)
    return document
