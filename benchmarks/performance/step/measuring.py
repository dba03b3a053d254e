"""A step with its augmentation, over the same step on views that were made before."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.harness.report import spread, target
from quarterturn.augment import RandomStreams, two_views
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.batches.preparing import preparing
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.stepping import stepping
from quarterturn.pretrain.spec import PretrainingSpec

_KEPT = 8  # views made before, used in turn
_IN_A_ROW = 10
#: Of the run that the steps are part of: whether they are recorded depends on it.
_LENGTH = 10_000
#: Before anything is timed: the first ones are never recorded.
_WARM_UP = 5
#: Before steps with the policy are timed: what was drawn ahead while others were is used up.
_NOT_TIMED = 5
GOALS = {"cpu": 1.10, "cuda": 1.15}


def _timed(device: torch.device, act: Callable[[], Any]) -> float:
    """Seconds of one; of a GPU, which is not waited for in training, of several in a row."""
    if device.type != "cuda":
        started = time.perf_counter()
        act()
        return time.perf_counter() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(_IN_A_ROW):
        act()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) / _IN_A_ROW


def compare(
    data: TrialData, spec: PretrainingSpec, policy: Policy, steps: int
) -> dict[str, list[float]]:
    """Seconds of steps as a run does them, with the policy and on views made before."""
    device = data.mean.device
    run = trainer.start(spec, data, data.pretrain.shape[-1], seed=0)
    run.method.train()
    kept = []
    for number in range(_KEPT):
        draws = RandomStreams(0, number, device=device)
        batch = batch_of(data.pretrain, spec.batch_size, draws)
        kept.append(two_views(batch, policy, draws, data.normalisation))

    timed, untimed = (_IN_A_ROW, _NOT_TIMED) if device.type == "cuda" else (1, 0)
    numbers = range(_WARM_UP + steps * (timed + untimed))
    coming = iter(numbers)
    with (
        preparing(data, spec.batch_size, [(policy, 0)], numbers) as prepared,
        stepping(run, spec, device, _LENGTH, "auto") as optimise,
    ):

        def step(views: tuple[torch.Tensor, torch.Tensor]) -> None:
            optimise(views, spec.learning_rate)
            run.step += 1

        def whole() -> None:
            number = next(coming)
            batch = batch_of(
                data.pretrain, spec.batch_size, RandomStreams(0, number, device=device)
            )
            step(trainer.views_of(data, batch, policy, 0, number, prepared(number)))

        def bare() -> None:
            step(kept[run.step % _KEPT])

        for _ in range(_WARM_UP):
            whole()
        taken: dict[str, list[float]] = {"whole": [], "bare": []}
        for _ in range(steps):
            for _ in range(untimed):
                whole()
            taken["whole"].append(_timed(device, whole))
            taken["bare"].append(_timed(device, bare))
    return taken


def measure(
    data: TrialData, encoders: list[str], batch_size: int, steps: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Samples and targets: each encoder, both methods, MoCo v2's policy and RandAugment."""
    device = data.mean.device.type
    samples: dict[str, Any] = {}
    targets = []
    for encoder in encoders:
        for method in ("simclr", "moco_v2"):
            spec = PretrainingSpec.model_validate(
                {"encoder": encoder, "method": method, "batch_size": batch_size}
            )
            for name in ("moco_v2", "rand_augment"):
                taken = compare(data, spec, BASELINES[name](), steps)
                pairs = zip(taken["whole"], taken["bare"], strict=True)
                ratio = statistics.median(whole / bare for whole, bare in pairs)
                label = f"{encoder}, {method}, policy {name}"
                samples[label] = taken
                print(
                    f"{label:44} {spread([1e3 * s for s in taken['whole']])} ms, on ready views "
                    f"{spread([1e3 * s for s in taken['bare']])} ms: {ratio:.3f}x",
                    flush=True,
                )
                targets.append(target(f"step of {label}", ratio, GOALS[device], at_least=False))
    return samples, targets
