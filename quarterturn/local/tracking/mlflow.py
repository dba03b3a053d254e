"""Trials as runs of MLflow, in its local store."""

from __future__ import annotations

import time
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


class MLflowLog(TrialLog):
    """A run for each trial in `FOLDER/mlflow.db`; see them by
    `mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db`.

    Args:
        folder: of the store.
        experiment: the runs' experiment, made if it is not there.

    Raises:
        UnavailableError: `library_missing`, MLflow is not installed.
    """

    def __init__(self, folder: str | Path, experiment: str = "quarterturn") -> None:
        super().__init__(folder)
        try:
            import sqlalchemy  # noqa: F401 - MLflow's store needs it, MLflow's wheel does not say so
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise library_missing("MLflow", "This log", "'quarterturn[mlflow]'") from None
        self._client: Any = MlflowClient(tracking_uri=f"sqlite:///{self.folder / 'mlflow.db'}")
        found = self._client.get_experiment_by_name(experiment)
        if found is None:
            artifacts = (self.folder / "artifacts").as_uri()
            self._experiment = self._client.create_experiment(experiment, artifacts)
        else:
            self._experiment = found.experiment_id

    def write(self, trial: FinishedTrial) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        tags = {"state": trial.record.state, **({"message": m} if (m := trial.message) else {})}
        run = self._client.create_run(
            self._experiment, tags=tags, run_name=f"{trial.policy.name} {trial.record.seed}"
        ).info.run_id
        metrics = [Metric(name, value, now, 0) for name, value in metrics_of(trial).items()]
        metrics += [Metric("pretraining_loss", loss, now, step) for step, loss in losses_of(trial)]
        self._client.log_batch(
            run,
            metrics=metrics[:1000],  # more are refused at once
            params=[Param(name, str(value)) for name, value in parameters_of(trial).items()],
        )
        completed = trial.record.state == "completed"
        self._client.set_terminated(run, "FINISHED" if completed else "FAILED")
