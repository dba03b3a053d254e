"""A step that is recorded once and replayed with other views and another learning rate.

Everything that changes from step to step must lie in tensors whose addresses do not change: the
views, the learning rate, weights, buffers and the states of the optimiser. Recording carries
nothing out, so it leaves a run as it was.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from quarterturn.pretrain.graphs.recording import Recorder
from quarterturn.pretrain.methods import put_buffer
from quarterturn.pretrain.optimising import Trained, Views, optimise


def _optimise_in_place(run: Trained, views: Views, device: torch.device) -> torch.Tensor:
    """As `optimise`, but a buffer that a method replaces, such as a queue, is overwritten."""
    method = cast(nn.Module, run.method)
    before = dict(method.named_buffers())
    try:
        loss = optimise(run, views, device)
        for name, now in method.named_buffers():
            if now is not before[name]:
                before[name].copy_(now)
    finally:
        for name, buffer in before.items():
            put_buffer(method, name, buffer)
    return loss


class RecordedStep:
    """The steps of a run from now on, until `end`. The run must have done one before: it makes the
    states of the optimiser.

    Raises:
        Whatever the recorder raises; the run is then as it was.
    """

    def __init__(
        self, run: Trained, views: Views, rate: float, device: torch.device, recorder: Recorder
    ) -> None:
        self._run, self._rate = run, rate
        first, second = (torch.empty_like(view).copy_(view) for view in views)
        self._views = first, second
        self._loss = torch.empty(0)
        for group in run.optimizer.param_groups:
            group |= {"lr": torch.tensor(rate, device=device), "capturable": True}

        def act() -> None:
            self._loss = _optimise_in_place(run, self._views, device)

        try:
            self._replay = recorder.record(act)
        except BaseException:
            self.end()
            raise

    def __call__(self, views: Views, rate: float) -> torch.Tensor:
        """As `optimise`, at the learning rate `rate`."""
        for mine, view in zip(self._views, views, strict=True):
            mine.copy_(view)
        for group in self._run.optimizer.param_groups:
            group["lr"].fill_(rate)
        self._rate = rate
        self._replay()
        # The next replay writes over it.
        return self._loss.clone()

    def end(self) -> None:
        """Leave the run as one that was never recorded, but for the gradients, which are dropped:
        they lie in memory of the recording.
        """
        self._run.optimizer.zero_grad(set_to_none=True)
        for group in self._run.optimizer.param_groups:
            group |= {"lr": self._rate, "capturable": False}
