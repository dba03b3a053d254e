"""Fold and density trials from start to result: what a worker does, without a database."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import replace

from quarterturn.density.folds import held_out
from quarterturn.density.losses import policy_losses
from quarterturn.density.model import FoldModel, pretrain, restore
from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy, Stage
from quarterturn.pretrain import trainer
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.keeping import UnderWay
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import TrialSpec


def _stream_seed(spec: TrialSpec, stream: str) -> int:
    """Draws of a stream differ from those of training and of other streams."""
    payload = spec.payload or {}
    text = f"{stream}/{payload['fold']}/{spec.seed}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


def fold_model(
    spec: TrialSpec,
    base: Policy,
    data: TrialData,
    resolution: int,
    store: CheckpointStore,
    job: str,
    key: str,
    watch: trainer.Watch,
    initial: Weights | None = None,
    keep_seconds: float | None = None,
) -> tuple[FoldModel, bool]:
    """The fold's model, and whether it was pretrained now: it is kept, and made again if lost."""
    payload = spec.payload or {}
    name = f"{key}-fold{payload['fold']}of{payload['folds']}"
    state = store.load(job, name, spec.seed, payload["iterations"], data.mean.device)
    if state is not None:
        # As many images as it was pretrained on, whichever: they set the length of a queue.
        count = len(data.pretrain) - len(held_out(data, payload["fold"], payload["folds"]))
        rest = replace(data, pretrain=data.pretrain[:count])
        fresh = trainer.start(spec.pretraining, rest, resolution, spec.seed, initial)
        return restore(fresh, state, spec), False
    iterations = payload["iterations"]
    kept = UnderWay(store, job, f"under-way-{name}", spec.seed, iterations, keep_seconds)
    model = pretrain(spec, base, data, resolution, watch, initial, kept)
    store.save(job, name, spec.seed, iterations, model.state())
    if keep_seconds is not None:
        kept.forget()
    return model, True


def _losses(
    model: FoldModel,
    data: TrialData,
    spec: TrialSpec,
    stages: list[Stage],
    stream: str,
    second: list[Stage] | None = None,
) -> dict[str, float]:
    payload = spec.payload or {}
    images = held_out(data, payload["fold"], payload["folds"])[: payload["images"]]
    losses = policy_losses(
        model,
        data,
        images,
        stages,
        second=second,
        seed=_stream_seed(spec, stream),
        passes=payload["passes"],
    )
    if not all(math.isfinite(value) for value in losses.values()):
        raise trainer.DivergedError("the losses are not finite; lower the learning rate")
    return losses


def execute_density_trial(
    spec: TrialSpec,
    base: Policy,
    resolution: int,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    checkpoints: CheckpointStore,
    watch: trainer.Watch,
    clock: Callable[[], float] = time.perf_counter,
    initial: Weights | None = None,
    keep_seconds: float | None = None,
) -> Outcome:
    """Run a trial of the task `fold/...` or `density/...`.

    A fold trial pretrains its encoder and measures the base augmentation alone; a density trial
    measures the policies of its payload, each followed by the base.

    Raises:
        DivergedError: a loss is not finite.
        Whatever `watch` raises.
    """
    payload = spec.payload or {}
    started = clock()
    model, trained = fold_model(
        spec, base, data, resolution, checkpoints, job, candidate, watch, initial, keep_seconds
    )
    prepared = clock()
    metrics: dict[str, float] = {}
    losses: list[dict[str, float]] | None = None
    if spec.task.startswith("fold/"):
        metrics = {**_losses(model, data, spec, list(base.view(0)), "base"), "loss": model.loss}
    else:
        losses = []
        second = list(base.view(0)) if payload.get("against_base") else None
        for place, prefix in enumerate(payload["policies"]):
            watch(spec.iterations * place // len(payload["policies"]))
            policy = Policy.model_validate({"views": [prefix]})
            stages = [*policy.view(0), *base.view(0)]
            losses.append(_losses(model, data, spec, stages, payload["stream"], second))
    return Outcome(
        iterations_run=spec.iterations,
        pretraining_seconds=prepared - started if trained else 0.0,
        scoring_seconds=clock() - (prepared if trained else started),
        metrics=metrics,
        losses=losses,
    )
