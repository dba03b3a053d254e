"""Logs by their names on the command line."""

from __future__ import annotations

from quarterturn.errors import InvalidInputError
from quarterturn.local.tracking.log import TrialLog
from quarterturn.local.tracking.mlflow import MLflowLog
from quarterturn.local.tracking.tensorboard import TensorBoardLog
from quarterturn.local.tracking.wandb import WandbLog

_LOGS: dict[str, type[TrialLog]] = {
    "mlflow": MLflowLog,
    "tensorboard": TensorBoardLog,
    "wandb": WandbLog,
}


def log_named(text: str) -> TrialLog:
    """The log of `mlflow:FOLDER`, `tensorboard:FOLDER` or `wandb:FOLDER`.

    Raises:
        InvalidInputError: `invalid_log`. UnavailableError: `library_missing`.
    """
    kind, _, folder = text.partition(":")
    if kind not in _LOGS or not folder:
        raise InvalidInputError(
            f"{text!r} is no log. Write {', '.join(f'{name}:FOLDER' for name in _LOGS)}.",
            code="invalid_log",
        )
    return _LOGS[kind](folder)
