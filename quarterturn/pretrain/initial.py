"""The weights that a trial starts from: none, a checkpoint, or what an earlier stage left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quarterturn.errors import ObjectMissingError
from quarterturn.models.storing import WeightsUnavailableError, load_weights
from quarterturn.models.tensors import Weights
from quarterturn.pretrain.spec import SOURCE, WARM_UP, PretrainingSpec, TrialSpec
from quarterturn.pretrain.stages import WarmStart
from quarterturn.storage import Storage
from quarterturn.storage.keys import stage_key, weights_key


@dataclass(frozen=True)
class Origin:
    """`kind` is scratch, checkpoint or stage; `name` that of the checkpoint or of the stage."""

    kind: str
    name: str = ""
    digest: str | None = None


def stage_name(task: str, seed: int) -> str:
    """What a stage is called among a job's files; a source is the same for all seeds."""
    return task.replace("/", "-") if task.startswith(SOURCE) else f"{task}-{seed}"


def origin_of(spec: TrialSpec) -> Origin:
    """What a trial starts from. Sources follow one another, then comes the warm-up of the seed."""
    pretraining = spec.pretraining
    sources = len(pretraining.chain)
    if spec.task.startswith(SOURCE):
        sources = int(spec.task.removeprefix(SOURCE))
    elif pretraining.warm_up is not None and spec.task != WARM_UP:
        return Origin("stage", stage_name(WARM_UP, spec.seed))
    if sources:
        return Origin("stage", stage_name(f"{SOURCE}{sources - 1}", spec.seed))
    if isinstance(pretraining.init, WarmStart) and pretraining.init.checkpoint is not None:
        return Origin("checkpoint", pretraining.init.checkpoint, pretraining.init.digest)
    return Origin("scratch")


def initial_weights(
    spec: TrialSpec, job: str, storage: Storage
) -> tuple[Weights | None, dict[str, str | None]]:
    """The weights (None: from scratch), and how the trial's provenance names them.

    Raises:
        WeightsUnavailableError: they are not where they should be.
    """
    origin = origin_of(spec)
    if origin.kind == "scratch":
        return None, {"kind": "scratch"}
    key = stage_key(job, origin.name) if origin.kind == "stage" else weights_key(str(origin.digest))
    try:
        with storage.held(key) as path:
            weights = load_weights(path, origin.digest)
    except ObjectMissingError as error:
        raise WeightsUnavailableError(error.message) from None
    return weights, {"kind": origin.kind, "name": origin.name, "digest": weights.digest}


def stage_pretraining(spec: TrialSpec) -> PretrainingSpec:
    """Hyper-parameters of a stage: the whole encoder is trained, a source by its own method."""
    changed: dict[str, Any] = {"variant": "full"}
    if spec.task.startswith(SOURCE):
        stage = spec.pretraining.chain[int(spec.task.removeprefix(SOURCE))]
        changed["method"] = stage.method or spec.pretraining.method
    return spec.pretraining.model_copy(update=changed)
