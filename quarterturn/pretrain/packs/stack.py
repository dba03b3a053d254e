"""Runs of one specification side by side: their tensors stacked, their losses mapped over.

`torch.func.vmap` turns the K convolutions of one layer into one grouped convolution and the K
linear maps into one batched product, so that a device is sent one kernel where K runs send K. No
number of one run enters another's: batch norms, queues, momentum encoders and optimiser states are
each run's own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call, vmap

from quarterturn.pretrain import trainer
from quarterturn.pretrain.methods import Method, put_buffer
from quarterturn.pretrain.optimising import optimizer_of
from quarterturn.pretrain.packs.grouped import prepare
from quarterturn.pretrain.spec import PretrainingSpec

_Tensors = dict[str, torch.Tensor]


def _tensors(method: nn.Module) -> _Tensors:
    return {**dict(method.named_parameters()), **dict(method.named_buffers())}


class StackedMethod(nn.Module):
    """K methods of one kind as one: each parameter and buffer has a first dimension of K."""

    def __init__(self, methods: Sequence[Method]) -> None:
        super().__init__()
        # A method as any other, but for the dimension: what it does to all its tensors after a
        # step, it does to those of all runs.
        self.stacked = copy.deepcopy(methods[0])
        prepare(self.stacked)
        parts = [_tensors(method) for method in methods]
        together = {name: torch.stack([part[name].data for part in parts]) for name in parts[0]}
        for name, parameter in self.stacked.named_parameters():
            parameter.data = together[name]
        for name in dict(self.stacked.named_buffers()):
            put_buffer(self.stacked, name, together[name])

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Losses (K,) of two views of the images of each run, (K, n, 3, s, s)."""
        buffers = dict(self.stacked.named_buffers())

        def one(
            parameters: _Tensors, buffers: _Tensors, first: torch.Tensor, second: torch.Tensor
        ) -> tuple[torch.Tensor, _Tensors]:
            state = {**parameters, **buffers}
            loss = functional_call(self.stacked, state, (first, second))
            # Of buffers some are changed in place, and some replaced.
            return loss, {
                name: state[name] for name, old in buffers.items() if state[name] is not old
            }

        losses, replaced = vmap(one)(dict(self.stacked.named_parameters()), buffers, first, second)
        for name, value in replaced.items():
            put_buffer(self.stacked, name, value.detach())
        return losses

    def after_step(self) -> None:
        """As a method's."""
        self.stacked.after_step()


def _stack_optimizer(
    stacked: StackedMethod, runs: Sequence[trainer.Run], spec: PretrainingSpec
) -> torch.optim.Optimizer:
    optimizer = optimizer_of(stacked.stacked, spec, stacked=True)
    mine = [p for group in optimizer.param_groups for p in group["params"]]
    theirs = [[p for group in run.optimizer.param_groups for p in group["params"]] for run in runs]
    for place, parameter in enumerate(mine):
        states = [
            run.optimizer.state.get(their[place], {})
            for run, their in zip(runs, theirs, strict=True)
        ]
        if not states[0]:
            continue
        optimizer.state[parameter] = {
            name: torch.stack([state[name] for state in states])
            # The count of steps is the same for all.
            if name != "step"
            else states[0][name].clone()
            for name in states[0]
        }
    return optimizer


class Stack:
    """Runs at the same step, trained as one until `give_back`."""

    def __init__(self, runs: Sequence[trainer.Run], spec: PretrainingSpec) -> None:
        self._runs = runs
        method = StackedMethod([run.method for run in runs])
        method.train()
        self.method = method
        self.optimizer = _stack_optimizer(method, runs, spec)

    def give_back(self) -> None:
        """Write weights, buffers and optimiser states into the runs."""
        tensors = _tensors(self.method.stacked)
        mine = [p for group in self.optimizer.param_groups for p in group["params"]]
        for number, run in enumerate(self._runs):
            with torch.no_grad():
                for name, tensor in _tensors(run.method).items():
                    tensor.copy_(tensors[name][number])
            theirs = [p for group in run.optimizer.param_groups for p in group["params"]]
            for parameter, its in zip(mine, theirs, strict=True):
                run.optimizer.state[its] = {
                    # Laid out in memory as the parameter, as in a run by itself.
                    name: torch.empty_like(its).copy_(value[number])
                    if name != "step"
                    else value.clone()
                    for name, value in self.optimizer.state.get(parameter, {}).items()
                }
            for group, its_group in zip(
                self.optimizer.param_groups, run.optimizer.param_groups, strict=True
            ):
                its_group["lr"] = group["lr"]
