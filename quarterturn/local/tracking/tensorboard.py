"""Trials as runs of TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path

from quarterturn.errors import library_missing
from quarterturn.local.tracking.log import (
    TrialLog,
    losses_of,
    metrics_of,
    parameters_of,
)
from quarterturn.local.trials import FinishedTrial


class TensorBoardLog(TrialLog):
    """A folder of events for each trial; see them by `tensorboard --logdir FOLDER`.

    Raises:
        UnavailableError: `library_missing`, TensorBoard is not installed.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        try:
            import tensorboard  # noqa: F401 - torch's writer needs it
        except ImportError:
            raise library_missing("TensorBoard", "This log", "'quarterturn[tensorboard]'") from None

    def write(self, trial: FinishedTrial) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        record = trial.record
        stage = record.task.replace("/", "-")
        name = f"{stage}-{trial.candidate.key}-{record.seed}-{record.iterations}"
        with SummaryWriter(str(self.folder / name)) as writer:
            for step, loss in losses_of(trial):
                writer.add_scalar("pretraining_loss", loss, step)
            for name, value in metrics_of(trial).items():
                writer.add_scalar(name, value, record.iterations)
            facts = {**parameters_of(trial), "state": record.state, "message": trial.message}
            writer.add_text("trial", f"```json\n{json.dumps(facts, indent=1)}\n```")
