"""Trials where people keep their runs: callbacks of `Search` for MLflow, TensorBoard and W&B."""

from quarterturn.local.tracking.mlflow import MLflowLog
from quarterturn.local.tracking.named import log_named
from quarterturn.local.tracking.tensorboard import TensorBoardLog
from quarterturn.local.tracking.wandb import WandbLog

__all__ = ["MLflowLog", "TensorBoardLog", "WandbLog", "log_named"]
