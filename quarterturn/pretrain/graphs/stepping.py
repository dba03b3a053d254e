"""The steps of a run, recorded where that is wanted and pays, else one operation after the other.

The first steps of each run are plain ones: they make the states of the optimiser, and libraries
load what they need at their first call, which cannot be recorded.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

import torch

from quarterturn.pretrain.graphs.comparing import Compared, compare
from quarterturn.pretrain.graphs.recorded import RecordedStep
from quarterturn.pretrain.graphs.recording import CudaGraphs, Recorder, recorder_of
from quarterturn.pretrain.optimising import Trained, Views, optimise
from quarterturn.pretrain.spec import PretrainingSpec

logger = logging.getLogger(__name__)

#: One step on two views at a learning rate; the loss, detached, or those of several runs.
Step = Callable[[Views, float], torch.Tensor]

_PLAIN_STEPS = 3
#: Runs of fewer steps are not worth a measurement.
_FEWEST = 50

#: By specification, shapes and device: what was measured, and what cannot be recorded.
_measured: dict[str, Compared] = {}
_failed: set[str] = set()


class _Stepper:
    def __init__(
        self,
        run: Trained,
        spec: PretrainingSpec,
        device: torch.device,
        steps: int,
        asked: CudaGraphs,
    ) -> None:
        self._run, self._spec, self._device, self._left = run, spec, device, steps
        self._asked = asked
        self._until_choice = _PLAIN_STEPS
        self._recorder = None if asked == "off" else recorder_of(device)
        self._recorded: RecordedStep | None = None

    def __call__(self, views: Views, rate: float) -> torch.Tensor:
        if self._recorder is not None and self._until_choice == 0:
            self._recorded = self._choose(views, rate, self._recorder)
        self._until_choice -= 1
        self._left -= 1
        if self._recorded is not None:
            return self._recorded(views, rate)
        for group in self._run.optimizer.param_groups:
            group["lr"] = rate
        return optimise(self._run, views, self._device)

    def _choose(self, views: Views, rate: float, recorder: Recorder) -> RecordedStep | None:
        key = f"{self._spec.model_dump_json()}/{tuple(views[0].shape)}/{self._device}"
        if key in _failed:
            return None
        try:
            if self._asked == "auto":
                if key not in _measured and self._left >= _FEWEST:
                    _measured[key] = compare(self._run, views, rate, self._device, recorder)
                    logger.info("recorded steps of %s: %s", self._spec.encoder, _measured[key])
                if key not in _measured or not _measured[key].pays(self._left):
                    return None
            return RecordedStep(self._run, views, rate, self._device, recorder)
        except Exception as error:
            # Whatever it is, a run can do without.
            _failed.add(key)
            logger.warning("steps of %s are not recorded: %s", self._spec.encoder, error)
            return None

    def end(self) -> None:
        if self._recorded is not None:
            self._recorded.end()


@contextlib.contextmanager
def stepping(
    run: Trained,
    spec: PretrainingSpec,
    device: torch.device,
    steps: int,
    asked: CudaGraphs,
) -> Iterator[Step]:
    """The next `steps` steps of a run, or fewer; in the end it is as if none had been recorded.

    Args:
        asked: whether to record: `auto` measures whether it pays.
    """
    stepper = _Stepper(run, spec, device, steps, asked)
    try:
        yield stepper
    finally:
        stepper.end()
