"""Pretrain the field of policies and keep the frozen features, so that criteria can be compared
without pretraining again. Labels are not read here.
"""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.datasets.labelled import Split, from_folder, split
from benchmarks.datasets.sets import RESOLUTION, SETS, TRIED_ON
from benchmarks.experiments.correlation.field import field
from quarterturn.augment import RandomStreams, augment
from quarterturn.models.encoders import (
    Encoder,
    SmallEncoder,
    TorchvisionResNet,
    _Block,
    _Convolution,
)
from quarterturn.policy.recipes import crop_flip
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import autocast, choose_device
from quarterturn.pretrain.spec import PretrainingSpec

DATA = Path(".quarterturn/bench/data")
RUNS = Path(".quarterturn/bench/correlation")
_VIEWED, _VIEWS = 500, 8
_LIMITS = {"probe_train": 2000, "probe_test": 1500, "pretrain": 6000, "evaluation": 4000}
_BATCH = 500
#: Shorter schedules are not measured at a third of their length too.
_FEWEST_WITH_RUNG = 150


@dataclass(frozen=True)
class Config:
    """What is run; `schedules` are whole cosine schedules, all but short ones also measured at a
    third of their length, as a rung of successive halving would.
    """

    sets: list[str]
    encoder: str
    schedules: list[int]
    seeds: list[int]
    batch_size: int
    most: int
    device: str
    policies: int | None = None

    def pretraining(self) -> PretrainingSpec:
        """Hyper-parameters of all runs."""
        return PretrainingSpec.model_validate(
            {"encoder": self.encoder, "batch_size": self.batch_size}
        )

    def folder(self, name: str) -> Path:
        return RUNS / name / f"{self.encoder}-{self.batch_size}-{self.most}"


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Whether this process is the one to write `path`; others pass it by."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield not path.exists()


def load_split(name: str, most: int) -> Split:
    """A named set, or a folder of class folders, split by group; kept on disk once prepared."""
    kept = DATA / f"{name.strip('/').replace('/', '_')}-{most}.pt"
    if not kept.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        loaded = SETS[name](DATA, most) if name in SETS else from_folder(Path(name), 32)
        parts = split(loaded, most)
        torch.save((parts.images, parts.labels), kept)
    images, labels = torch.load(kept, weights_only=False)
    return Split(images, labels)


def _stages(encoder: Encoder) -> list[torch.nn.Module]:
    """The last three stages; the pooled output of the last is the features."""
    if isinstance(encoder, TorchvisionResNet):
        return [getattr(encoder.network, f"layer{number}") for number in (2, 3, 4)]
    if isinstance(encoder, SmallEncoder):
        return [block for block in encoder.layers if isinstance(block, _Block | _Convolution)]
    return [encoder.network.get_submodule(f"features.{number}") for number in (6, 13, 18)]


@torch.no_grad()
def _features(method: Any, data: TrialData, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Pooled output of each residual stage, and projections: half precision on the CPU."""
    found: dict[str, list[torch.Tensor]] = {}
    blocks = _stages(method.encoder)
    taken: list[torch.Tensor] = []
    hooks = [
        block.register_forward_hook(lambda _m, _i, out: taken.append(out.mean((2, 3))))
        for block in blocks
    ]
    try:
        for start in range(0, len(images), _BATCH):
            batch = images[start : start + _BATCH].to(data.mean.device)
            batch = batch.float() / 255.0 if batch.dtype == torch.uint8 else batch
            taken.clear()
            with autocast(data.mean.device):
                output = method.encoder(data.normalise(batch))
                projection = method.head(output)
            for place, tensor in enumerate(taken[:-1]):
                found.setdefault(f"stage{place + 1}", []).append(tensor.half().cpu())
            found.setdefault("features", []).append(output.half().cpu())
            found.setdefault("projections", []).append(projection.half().cpu())
    finally:
        for hook in hooks:
            hook.remove()
    return {key: torch.cat(parts) for key, parts in found.items()}


def extract_features(run: trainer.Run, data: TrialData, parts: Split) -> dict[str, Any]:
    """The frozen features that the criteria and the supervised probe are computed from."""
    device = data.mean.device
    run.method.eval()
    kept: dict[str, Any] = {
        "losses": run.losses,
        "ceiling": run.method.ceiling,
        # For criteria that are thought of later: the features below do not serve all.
        "method": {name: tensor.clone() for name, tensor in run.method.state_dict().items()},
    }
    for part in ("probe_train", "probe_test"):
        images = parts.tensor(part, device)[: _LIMITS[part]]
        turns = [_features(run.method, data, torch.rot90(images, k, (2, 3))) for k in range(4)]
        kept[part] = {key: torch.stack([turn[key] for turn in turns]) for key in turns[0]}
    for part in ("pretrain", "evaluation"):
        kept[part] = _features(run.method, data, parts.tensor(part, device)[: _LIMITS[part]])
    images = parts.tensor("probe_test", device)[:_VIEWED]
    views = []
    for view in range(_VIEWS):
        seen = augment(images, crop_flip().view(0), RandomStreams(0, view, device=device))
        views.append(_features(run.method, data, seen))
    kept["views"] = {key: torch.stack([v[key] for v in views]) for key in views[0]}
    return kept


def _run(
    config: Config,
    policy: Policy,
    seed: int,
    schedule: int,
    resolution: int,
    parts: Split,
    data: TrialData,
    path: Path,
) -> None:
    spec = config.pretraining()
    started = time.perf_counter()
    run = trainer.start(spec, data, resolution, seed)
    kept: dict[str, Any] = {"policy": policy.name}
    seconds = 0.0
    rungs = (("rung", schedule // 3), ("final", schedule))
    for name, until in rungs[schedule < _FEWEST_WITH_RUNG :]:
        begun = time.perf_counter()
        trainer.train(
            run, policy, data, spec, seed=seed, until=until, length=schedule, watch=lambda _: None
        )
        seconds += time.perf_counter() - begun
        kept[name] = extract_features(run, data, parts)
    kept["seconds"], kept["all_seconds"] = seconds, time.perf_counter() - started
    partial = path.with_suffix(".partial")
    torch.save(kept, partial)
    partial.replace(path)


def run_path(config: Config, name: str, policy: Policy, seed: int, schedule: int) -> Path:
    """Where a run is kept."""
    return config.folder(name) / str(schedule) / f"{policy.name.replace(' ', '_')}-{seed}.pt"


def stored_run(config: Config, name: str, policy: Policy, seed: int, schedule: int) -> Path:
    """The file of a run, made now if it is missing."""
    path = run_path(config, name, policy, seed, schedule)
    if not path.exists():
        parts = load_split(name, config.most)
        data = parts.trial_data(choose_device(config.device))
        path.parent.mkdir(parents=True, exist_ok=True)
        _run(config, policy, seed, schedule, RESOLUTION.get(name, 32), parts, data, path)
    return path


def collect(config: Config) -> None:
    """Run what is missing; several processes may share the work."""
    device = choose_device(config.device)
    for seed in config.seeds:
        for name in config.sets:
            parts = load_split(name, config.most)
            data = parts.trial_data(device)
            resolution = RESOLUTION.get(name, 32)
            for schedule in config.schedules:
                for policy in field()[: config.policies]:
                    path = run_path(config, name, policy, seed, schedule)
                    with claim(path) as mine:
                        if mine:
                            _run(config, policy, seed, schedule, resolution, parts, data, path)
                            sys.stdout.write(f"{name} {schedule} {seed} {policy.name}\n")
                            sys.stdout.flush()


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of what is run; the defaults are what two CPU cores can do."""
    parser.add_argument("--sets", nargs="+", default=list(TRIED_ON), help="names, or folders")
    parser.add_argument("--encoder", default="resnet_tiny")
    parser.add_argument("--schedules", nargs="+", type=int, default=[100, 300])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--most", type=int, default=12_000, help="pretraining images")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--gpu",
        action="store_true",
        help="the full figures: resnet18, batches of 512, all images, schedules of 2,000 and "
        "20,000 iterations, three seeds",
    )
    parser.add_argument("--policies", type=int, default=None, help="the first of the field only")


def config_of(options: argparse.Namespace) -> Config:
    """The configuration of parsed options."""
    if options.gpu:
        options.encoder, options.batch_size, options.most = "resnet18", 512, 60_000
        options.schedules, options.seeds, options.device = [2000, 20_000], [0, 1, 2], "cuda"
    return Config(
        sets=options.sets,
        encoder=options.encoder,
        schedules=options.schedules,
        seeds=options.seeds,
        batch_size=options.batch_size,
        most=options.most,
        device=options.device,
        policies=options.policies,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    arguments(parser)
    collect(config_of(parser.parse_args()))
