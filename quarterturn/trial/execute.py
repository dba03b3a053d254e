"""One trial from start to score: what a worker does, without a database in sight."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.collapse import is_collapsed, spread
from quarterturn.pretrain.curves import curve
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.keeping import UnderWay
from quarterturn.pretrain.outcome import HELD_OUT, VOTERS, Outcome, Score
from quarterturn.pretrain.spec import AUTO, REFERENCE_CRITERIA, TrialSpec
from quarterturn.score.criteria import (
    CRITERIA,
    composite,
    crop_flip_views,
    feature_criteria,
    sampling_error,
    view_criteria,
)
from quarterturn.score.features import image_features, rotation_features
from quarterturn.score.probe import rotation_probes
from quarterturn.score.untrained import untrained_rotation
from quarterturn.trial.version import RESULTS_VERSION

#: Images that any criterion needs.
_FEWEST = 3


def score(
    run: trainer.Run, data: TrialData, spec: TrialSpec, initial: Weights | None = None
) -> Score:
    """The criteria of a trained encoder; `initial` is what the run started from.

    Raises:
        DivergedError: the features are not finite.
    """
    limits = spec.scoring
    parts = {
        "probe_train": data.probe_train[: limits.probe_train_images],
        "probe_test": data.probe_test[: limits.probe_test_images],
        "report": data.report[: limits.report_images],
    }
    features = {name: rotation_features(run.method, data, part) for name, part in parts.items()}
    measured = ["probe_test", *(["report"] if len(parts["report"]) >= _FEWEST else [])]
    probes = rotation_probes(
        features["probe_train"][0],
        [features[name][0] for name in measured],
        limits.l2,
        record=data.cuda_graphs != "off",
    )
    views = {name: crop_flip_views(run.method, data, parts[name]) for name in measured}
    found = {
        name: {
            "rotation": probe.accuracy,
            "rotation_cross_entropy": probe.cross_entropy,
            **view_criteria(views[name]),
            **feature_criteria(features[name][0][0]),
        }
        for name, probe in zip(measured, probes, strict=True)
    }
    for numbers in found.values():
        numbers["composite"] = composite(numbers["rotation"], numbers["retrieval"])
    # With a reference nothing is fitted to a split: the pretraining images serve.
    references = {
        "probe_test": (data.reference, data.pretrain),
        "report": (data.reference_report, data.report),
    }
    compared = {
        name: (reference, image_features(run.method, data, images[: reference.images]))
        for name, (reference, images) in references.items()
        if reference is not None and name in found
    }
    for name, (reference, z) in compared.items():
        found[name] |= reference.score(z)
    output_spread = spread(features["probe_test"][1])
    metrics = {
        **found["probe_test"],
        "rotation_untrained": untrained_rotation(
            data, spec.pretraining, limits, spec.seed, initial
        ),
        "loss": sum(run.losses[-10:]) / max(1, len(run.losses[-10:])),
        "loss_ceiling": run.method.ceiling,
        "output_spread": output_spread,
    }
    if not all(math.isfinite(value) for value in metrics.values()):
        raise trainer.DivergedError("the features are not finite; lower the learning rate")
    # With `auto` trials are judged together, later; alone a trial has its rotation accuracy.
    criterion = "rotation" if limits.criterion == AUTO else limits.criterion
    voters = [name for name in VOTERS if name in metrics]
    metrics["rotation_error"] = probes[0].sampling_error
    if limits.criterion == AUTO and "probe_test" in compared:
        reference, z = compared["probe_test"]
        metrics["reference_error"] = reference.sampling_error("reference", z)
    if criterion in REFERENCE_CRITERIA:
        reference, z = compared["probe_test"]
        error = reference.sampling_error(criterion, z)
    else:
        error = sampling_error(
            criterion,
            metrics,
            probes[0].sampling_error,
            views["probe_test"],
            features["probe_test"][0][0],
        )
    # The report may have too few images for a probe, or for a comparison with the reference.
    reported = found.get("report", {})
    metrics |= {f"{HELD_OUT}{name}": reported[name] for name in voters if name in reported}
    sign = CRITERIA[criterion].sign
    held_out = reported.get(criterion)
    return Score(
        score=sign * metrics[criterion],
        held_out=None if held_out is None else sign * held_out,
        sampling_error=error,
        collapsed=is_collapsed(run.losses, run.method.ceiling, output_spread),
        metrics=metrics,
    )


@dataclass(frozen=True)
class Begun:
    """The run of a trial, the step that it began at, and the seconds it was trained for before."""

    run: trainer.Run
    at: int
    seconds: float = 0.0


def under_way(
    spec: TrialSpec, job: str, candidate: str, checkpoints: CheckpointStore, seconds: float | None
) -> UnderWay:
    """Where the state of a trial is kept every `seconds`. Another version of the code that decides
    results does not go on from it.
    """
    name = f"under-way-{RESULTS_VERSION}-{spec.task.replace('/', '-')}-{candidate}"
    return UnderWay(checkpoints, job, name, spec.seed, spec.iterations, seconds)


def begin(
    spec: TrialSpec,
    resolution: int,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    checkpoints: CheckpointStore,
    initial: Weights | None = None,
    kept: UnderWay | None = None,
) -> Begun:
    """The run of a trial: from where it was when its worker was lost, from the checkpoint of the
    earlier rung, from the weights `initial`, or from scratch.

    If a checkpoint is missing, the run starts afresh: draws depend on the step alone, so on a CPU
    the result is the same.
    """
    run = trainer.start(spec.pretraining, data, resolution, spec.seed, initial)
    state = kept.load(data.mean.device) if kept is not None else None
    if state is not None:
        trainer.restore(run, state)
        return Begun(run, int(state["begun"]), float(state["seconds"]))
    if spec.resume_from:
        state = checkpoints.load(job, candidate, spec.seed, spec.resume_from, data.mean.device)
        if state is not None:
            trainer.restore(run, state)
    return Begun(run, run.step)


def conclude(
    run: trainer.Run,
    spec: TrialSpec,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    checkpoints: CheckpointStore,
    initial: Weights | None = None,
) -> Score:
    """Keep the state that the next rung continues from, and score.

    Raises:
        DivergedError: the features are not finite.
    """
    if spec.iterations < spec.schedule_iterations:
        checkpoints.save(job, candidate, spec.seed, spec.iterations, trainer.state_of(run))
    return score(run, data, spec, initial)


def scored_outcome(
    found: Score, run: trainer.Run, iterations_run: int, pretraining: float, scoring: float
) -> Outcome:
    """The outcome of a trial that was scored; seconds of its two halves."""
    return Outcome(
        iterations_run=iterations_run,
        pretraining_seconds=pretraining,
        scoring_seconds=scoring,
        metrics=found.metrics,
        score=found.score,
        held_out=found.held_out,
        sampling_error=found.sampling_error,
        collapsed=found.collapsed,
        curve=curve(run.losses),
    )


def execute_trial(
    spec: TrialSpec,
    policy: Policy,
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
    """Pretrain and score one candidate with one seed; see `begin`.

    Args:
        keep_seconds: how often to keep the state of the run for another attempt; None: never.

    Raises:
        quarterturn.pretrain.trainer.DivergedError, and whatever `watch` raises.
    """
    started = clock()
    kept = under_way(spec, job, candidate, checkpoints, keep_seconds)
    begun = begin(
        spec,
        resolution,
        data,
        job=job,
        candidate=candidate,
        checkpoints=checkpoints,
        initial=initial,
        kept=kept,
    )
    run = begun.run
    trainer.train(
        run,
        policy,
        data,
        spec.pretraining,
        seed=spec.seed,
        until=spec.iterations,
        length=spec.schedule_iterations,
        watch=watch,
        keeper=kept.keeper(begun.at, begun.seconds),
    )
    trained = clock()
    watch(run.step)
    found = conclude(
        run,
        spec,
        data,
        job=job,
        candidate=candidate,
        checkpoints=checkpoints,
        initial=initial,
    )
    pretraining = begun.seconds + trained - started
    return scored_outcome(found, run, spec.iterations - begun.at, pretraining, clock() - trained)
