"""What every log writes of a trial, and what happens when it cannot."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

from quarterturn.errors import UnavailableError
from quarterturn.local.trials import FinishedTrial


def parameters_of(trial: FinishedTrial) -> dict[str, str | int]:
    """What was tried: policy, origin, stage, seed, steps."""
    return {
        "policy": trial.policy.name,
        "candidate": trial.candidate.key,
        "origin": trial.candidate.origin,
        "stage": trial.record.task,
        "seed": trial.record.seed,
        "iterations": trial.record.iterations,
    }


def metrics_of(trial: FinishedTrial) -> dict[str, float]:
    """What was measured: score, held-out score, seconds, and all criteria; finite numbers only."""
    record = trial.record
    found = {**trial.metrics, "score": record.score, "held_out": record.held_out}
    found["seconds"] = record.seconds
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and math.isfinite(value)
    }


def losses_of(trial: FinishedTrial) -> Iterator[tuple[int, float]]:
    """The learning curve: steps and their mean loss."""
    for step, loss in trial.curve:
        if math.isfinite(loss):
            yield int(step), float(loss)


class TrialLog:
    """A callback of `Search` that writes each trial down.

    A log that cannot be written ends no search: it warns, and is not tried again.

    Args:
        folder: where the runs are kept; made if it is not there.

    Raises:
        UnavailableError: `output_not_writable`.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser().resolve()
        self._broken = False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(
                f"{self.folder} cannot be made: {error.strerror}.", code="output_not_writable"
            ) from None

    def __call__(self, trial: FinishedTrial) -> None:
        if self._broken:
            return
        try:
            self.write(trial)
        except Exception as error:
            self._broken = True
            text = f"{type(self).__name__} in {self.folder} failed, and ends here: {error}"
            warnings.warn(text, RuntimeWarning, stacklevel=2)

    def write(self, trial: FinishedTrial) -> None:
        """Write a trial, so that it is there when this returns."""
        raise NotImplementedError
