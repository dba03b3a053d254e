"""Convolutions and batch norms of several runs, as one each over all their channels.

vmap makes grouped convolutions too, but moves the channels about in memory for each; it took two to
three times as long on a CPU. Here those of a run stay side by side, the last dimension in memory.
What has no rule here, goes by those of vmap.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

_Tensor = torch.Tensor


def _side_by_side(images: _Tensor, runs_at: int) -> _Tensor:
    """(n, K * c, h, w), channels last in memory, of images whose dimension of K is at `runs_at`."""
    return images.movedim(runs_at, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)


class _Function(torch.autograd.Function):
    """For its `vmap` alone: outside of a stack nothing comes here."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass


class _Convolve(_Function):
    @staticmethod
    def forward(images: _Tensor, weight: _Tensor, bias: _Tensor | None, how: Any) -> _Tensor:
        return functional.conv2d(images, weight, bias, **how)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, images: _Tensor, weight: _Tensor, bias: _Tensor | None, how: Any
    ) -> tuple[_Tensor, int]:
        count = info.batch_size
        done = functional.conv2d(
            _side_by_side(images, in_dims[0]),
            weight.flatten(0, 1),
            None if bias is None else bias.flatten(),
            **{**how, "groups": count * how["groups"]},
        )
        return done.view(len(done), count, -1, *done.shape[2:]), 1


class _Normalise(_Function):
    @staticmethod
    def forward(images: _Tensor, mean: _Tensor, var: _Tensor, *rest: Any) -> _Tensor:
        return functional.batch_norm(images, mean, var, *rest)

    @staticmethod
    def vmap(
        info: Any,
        in_dims: Any,
        images: _Tensor,
        mean: _Tensor,
        var: _Tensor,
        weight: _Tensor,
        bias: _Tensor,
        *how: Any,
    ) -> tuple[_Tensor, int]:
        done = functional.batch_norm(
            _side_by_side(images, in_dims[0]),
            # Views, as they are changed in place.
            mean.view(-1),
            var.view(-1),
            weight.flatten(),
            bias.flatten(),
            *how,
        )
        return done.view(len(done), info.batch_size, -1, *done.shape[2:]), 1


class _Conv2d(nn.Conv2d):
    def _conv_forward(self, input: _Tensor, weight: _Tensor, bias: _Tensor | None) -> _Tensor:
        how = {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }
        done: _Tensor = _Convolve.apply(input, weight, bias, how)
        return done


class _BatchNorm2d(nn.BatchNorm2d):
    def forward(self, input: _Tensor) -> _Tensor:
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        done: _Tensor = _Normalise.apply(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )
        return done


class _Project(_Function):
    @staticmethod
    def forward(features: _Tensor, weight: _Tensor, bias: _Tensor) -> _Tensor:
        return functional.linear(features, weight, bias)

    @staticmethod
    def vmap(
        info: Any,  # noqa: ARG004 - torch gives it
        in_dims: Any,
        features: _Tensor,
        weight: _Tensor,
        bias: _Tensor,
    ) -> tuple[_Tensor, int]:
        # Bias and product are rounded once, as they are alone.
        inputs = features.movedim(in_dims[0], 0)
        return torch.baddbmm(bias.unsqueeze(1), inputs, weight.transpose(1, 2)), 0


class _Linear(nn.Linear):
    def forward(self, input: _Tensor) -> _Tensor:
        if input.ndim != 2:
            return super().forward(input)
        done: _Tensor = _Project.apply(input, self.weight, self.bias)
        return done


class _Mean(nn.Module):
    """`AdaptiveAvgPool2d(1)`, for which vmap has no rule where the channels are last in memory."""

    def forward(self, images: _Tensor) -> _Tensor:
        return images.mean((2, 3), keepdim=True)


def prepare(module: nn.Module) -> None:
    """Exchange what is done better than by vmap, in a module that vmap is to map over the stacked
    parameters of.
    """
    for name, child in module.named_children():
        # Exactly these: a class derived from them does something else.
        if type(child) is nn.Conv2d and child.padding_mode == "zeros":
            child.__class__ = _Conv2d
        elif type(child) is nn.BatchNorm2d and child.affine and child.track_running_stats:
            child.__class__ = _BatchNorm2d
        elif type(child) is nn.Linear and child.bias is not None:
            child.__class__ = _Linear
        elif type(child) is nn.AdaptiveAvgPool2d and child.output_size in (1, (1, 1)):
            setattr(module, name, _Mean())
        else:
            prepare(child)
