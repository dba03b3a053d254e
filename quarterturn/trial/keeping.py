"""Pretrainings whose encoder is what is wanted: sources, warm-ups, and the final one of a job.

A state is kept on the way, so a worker that is lost costs a minute and not the whole stage.
"""

from __future__ import annotations

import json
import time

from quarterturn.models.naming import portable_state
from quarterturn.models.storing import load_weights, save_weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.collapse import is_collapsed, spread
from quarterturn.pretrain.curves import curve
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.initial import initial_weights, stage_name, stage_pretraining
from quarterturn.pretrain.keeping import UnderWay
from quarterturn.pretrain.outcome import KeptEncoder, Outcome
from quarterturn.pretrain.spec import FINAL, TrialSpec
from quarterturn.score.features import encode
from quarterturn.storage import Storage
from quarterturn.storage.keys import encoder_key, stage_key

#: Images that the spread of the outputs is measured on.
_SPREAD_IMAGES = 512


def _metrics(run: trainer.Run, data: TrialData) -> tuple[dict[str, float], bool]:
    images = data.pretrain[:_SPREAD_IMAGES].to(data.mean.device).float() / 255.0
    _, projections = encode(run.method, data, images)
    output_spread = spread(projections)
    last = run.losses[-10:]
    metrics = {
        "loss": sum(last) / max(1, len(last)),
        "loss_ceiling": run.method.ceiling,
        "output_spread": output_spread,
    }
    return metrics, is_collapsed(run.losses, run.method.ceiling, output_spread)


def execute_kept(
    spec: TrialSpec,
    policy: Policy,
    data: TrialData,
    *,
    job: str,
    storage: Storage,
    watch: trainer.Watch,
    keep_seconds: float | None = None,
) -> Outcome:
    """Run a trial of the task `source/K`, `warm_up` or `final`; its encoder is stored.

    A stage whose encoder is there is not trained again: an earlier attempt was lost after it.

    Raises:
        DivergedError, WeightsUnavailableError, and whatever `watch` raises.
    """
    started = time.perf_counter()
    name = stage_name(spec.task, spec.seed)
    is_final = spec.task == FINAL
    checkpoints = CheckpointStore(storage)
    key = encoder_key(job) if is_final else stage_key(job, name)
    pretraining = spec.pretraining if is_final else stage_pretraining(spec)
    weights, origin = initial_weights(spec, job, storage)
    if not is_final and storage.has(key):
        with storage.held(key) as path:
            digest = load_weights(path).digest
        return Outcome(
            iterations_run=0,
            pretraining_seconds=0.0,
            scoring_seconds=time.perf_counter() - started,
            metrics={},
            init=origin,
            weights=digest,
        )
    resolution = data.pretrain.shape[-1]
    run = trainer.start(pretraining, data, resolution, spec.seed, weights)
    kept = UnderWay(checkpoints, job, name, spec.seed, spec.iterations, keep_seconds)
    state = kept.load(data.mean.device)
    if state is not None:
        trainer.restore(run, state)
    spent = float(state["seconds"]) if state is not None else 0.0
    trainer.train(
        run,
        policy,
        data,
        pretraining,
        seed=spec.seed,
        until=spec.iterations,
        length=spec.iterations,
        watch=watch,
        keeper=kept.keeper(0, spent),
    )
    trained = time.perf_counter()
    metrics, collapsed = _metrics(run, data)
    mean, std = data.mean.flatten().tolist(), data.std.flatten().tolist()
    metadata = {
        "architecture": spec.pretraining.encoder,
        "resolution": json.dumps(resolution),
        "mean": json.dumps(mean),
        "std": json.dumps(std),
    }
    partial = storage.partial(key)
    digest = save_weights(partial, portable_state(run.method.encoder), metadata)
    size = partial.stat().st_size
    storage.put(key, partial)
    encoder = KeptEncoder(
        architecture=spec.pretraining.encoder,
        resolution=resolution,
        mean=mean,
        std=std,
        digest=digest,
        size_bytes=size,
        iterations=spec.iterations,
        images=len(data.pretrain),
        seed=spec.seed,
        collapsed=collapsed,
        init=origin,
    )
    return Outcome(
        iterations_run=spec.iterations,
        pretraining_seconds=spent + trained - started,
        scoring_seconds=time.perf_counter() - trained,
        metrics=metrics,
        collapsed=collapsed,
        curve=curve(run.losses),
        init=origin,
        weights=digest,
        encoder=encoder if is_final else None,
    )
