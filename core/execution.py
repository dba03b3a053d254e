"""One trial of any kind from start to result: what a worker does, without a database in sight."""

from __future__ import annotations

from typing import Any

from core.density.execute import execute_density_trial
from core.policies.schema import Policy
from core.pretraining.checkpoints import CheckpointStore
from core.pretraining.data import TrialData
from core.pretraining.execute import execute_trial
from core.pretraining.initial import initial_weights
from core.pretraining.keeping import execute_kept
from core.pretraining.spec import TrialSpec
from core.pretraining.trainer import Watch
from core.storage import Storage


def execute(
    spec: TrialSpec,
    policy: Policy,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    storage: Storage,
    watch: Watch,
) -> dict[str, Any]:
    """Pretrain and score a candidate or, where the trial has a payload, work on a fold, or pretrain
    an encoder that is kept.

    Raises:
        core.pretraining.trainer.DivergedError, core.weights.storing.WeightsUnavailableError,
        errors of the storage, and whatever `watch` raises.
    """
    if spec.is_kept:
        return execute_kept(spec, policy, data, job=job, storage=storage, watch=watch)
    initial, origin = initial_weights(spec, job, storage)
    run = execute_trial if spec.payload is None else execute_density_trial
    outcome = run(
        spec, policy, data.pretrain.shape[-1], data,
        job=job, candidate=candidate, checkpoints=CheckpointStore(storage), watch=watch,
        initial=initial,
    )  # fmt: skip
    return {**outcome, "provenance": {"init": origin}}
