"""Trials as runs of Weights & Biases, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from quarterturn.errors import library_missing
from quarterturn.local.tracking.log import (
    TrialLog,
    losses_of,
    metrics_of,
    parameters_of,
)
from quarterturn.local.trials import FinishedTrial


class WandbLog(TrialLog):
    """A run for each trial below `FOLDER/wandb`. Nothing is sent: `wandb sync` does that, when you
    want it.

    Args:
        folder: of the runs.
        project: that they belong to once they are sent.

    Raises:
        UnavailableError: `library_missing`, wandb is not installed.
    """

    def __init__(self, folder: str | Path, project: str = "quarterturn") -> None:
        super().__init__(folder)
        try:
            import wandb
        except ImportError:
            raise library_missing("wandb", "This log", "'quarterturn[wandb]'") from None
        self._wandb: Any = wandb
        self._project = project

    def write(self, trial: FinishedTrial) -> None:
        run = self._wandb.init(
            mode="offline",
            dir=str(self.folder),
            project=self._project,
            name=f"{trial.policy.name} {trial.record.seed}",
            config={**parameters_of(trial), "state": trial.record.state, "message": trial.message},
            reinit="create_new",
            settings=self._wandb.Settings(silent=True, disable_git=True, x_disable_stats=True),
        )
        for step, loss in losses_of(trial):
            run.log({"pretraining_loss": loss}, step=step)
        run.summary.update(metrics_of(trial))
        run.finish(exit_code=0 if trial.record.state == "completed" else 1)
