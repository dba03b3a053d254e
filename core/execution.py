"""One trial of any kind from start to result: what a worker does, without a database in sight."""

from __future__ import annotations

from typing import Any

from core.density.execute import execute_density_trial
from core.policies.schema import Policy
from core.pretraining.checkpoints import CheckpointStore
from core.pretraining.data import TrialData
from core.pretraining.execute import execute_trial
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
) -> dict[str, Any]:
    """Pretrain and score a candidate or, where the trial has a payload, work on a fold.

    Raises:
        core.pretraining.trainer.DivergedError, and whatever `watch` raises.
    """
    run = execute_trial if spec.payload is None else execute_density_trial
    return run(
        spec, policy, data.pretrain.shape[-1], data,
        job=job, candidate=candidate, checkpoints=checkpoints, watch=watch,
    )  # fmt: skip
