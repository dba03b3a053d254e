"""One trial of any kind from start to result: what a worker does, without a database in sight."""

from __future__ import annotations

from pathlib import Path
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


def execute(
    spec: TrialSpec,
    policy: Policy,
    data: TrialData,
    *,
    job: str,
    candidate: str,
    checkpoints: CheckpointStore,
    watch: Watch,
    library: Path | None = None,
    encoders: Path | None = None,
) -> dict[str, Any]:
    """Pretrain and score a candidate or, where the trial has a payload, work on a fold, or pretrain
    an encoder that is kept.

    Args:
        library: folder of checkpoints, by digest.
        encoders: folder of final encoders, by job.

    Raises:
        core.pretraining.trainer.DivergedError, core.weights.storing.WeightsUnavailableError, and
        whatever `watch` raises.
    """
    if spec.is_kept:
        return execute_kept(
            spec, policy, data, job=job, checkpoints=checkpoints, library=library,
            encoders=encoders, watch=watch,
        )  # fmt: skip
    initial, origin = initial_weights(spec, job, checkpoints, library)
    run = execute_trial if spec.payload is None else execute_density_trial
    outcome = run(
        spec, policy, data.pretrain.shape[-1], data,
        job=job, candidate=candidate, checkpoints=checkpoints, watch=watch, initial=initial,
    )  # fmt: skip
    return {**outcome, "provenance": {"init": origin}}
