"""Contrastive methods behind one interface: two batches of views in, a loss out.

A further method subclasses `Method` and is named in `METHODS` and in `PretrainingSpec.method`.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn import functional

from quarterturn.models.encoders import Encoder
from quarterturn.pretrain.contrast import infonce
from quarterturn.pretrain.spec import PretrainingSpec


def projection_head(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Linear-ReLU-Linear (MoCo v2, SimCLR)."""
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


class Method(nn.Module):
    """An encoder with what is trained around it.

    `ceiling` is the loss of a model whose outputs are all equal (collapse).
    """

    def __init__(self, encoder: Encoder, spec: PretrainingSpec) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = projection_head(
            encoder.dimension, spec.projection_width, spec.projection_dimension
        )
        self.temperature = spec.temperature
        self.ceiling = math.inf

    def project(self, images: torch.Tensor) -> torch.Tensor:
        """L2-normalised projections, float32 (n, p)."""
        return functional.normalize(self.head(self.encoder(images)).float(), dim=1)

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The loss of two views of the same n images, each (n, 3, s, s)."""
        raise NotImplementedError

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The loss; so torch calls a module."""
        return self.loss(first, second)

    def after_step(self) -> None:
        """Called after each step of the optimiser."""


def put_buffer(module: nn.Module, name: str, value: torch.Tensor) -> None:
    """Replace a buffer by its full name."""
    path, _, last = name.rpartition(".")
    setattr(module.get_submodule(path), last, value)


class SimCLR(Method):
    """NT-Xent over the 2n views of a batch (Chen et al. 2020)."""

    def __init__(self, encoder: Encoder, spec: PretrainingSpec, images: int) -> None:
        super().__init__(encoder, spec)
        self.ceiling = math.log(2 * min(spec.batch_size, images) - 1)

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        count = first.shape[0]
        outputs = self.project(torch.cat((first, second)))
        similarity = outputs @ outputs.T / self.temperature
        itself = torch.eye(2 * count, dtype=torch.bool, device=outputs.device)
        similarity = similarity.masked_fill(itself, -torch.inf)
        partner = torch.arange(2 * count, device=outputs.device).roll(count)
        return functional.cross_entropy(similarity.float(), partner)


class MoCoV2(Method):
    """InfoNCE against a queue of keys from a momentum encoder (Chen et al. 2020b).

    The queue is cut to a tenth of the images, so that an image is rarely its own negative.
    """

    queue: torch.Tensor
    place: torch.Tensor

    def __init__(self, encoder: Encoder, spec: PretrainingSpec, images: int) -> None:
        super().__init__(encoder, spec)
        self.momentum = spec.momentum
        self.momentum_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.momentum_head = copy.deepcopy(self.head).requires_grad_(False)
        size = max(4, min(spec.queue_size, images // 10))
        start = functional.normalize(torch.randn(size, spec.projection_dimension), dim=1)
        self.register_buffer("queue", start)
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.ceiling = math.log(1 + size)

    def loss(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        queries = self.project(first)
        with torch.no_grad():
            keys = self.momentum_head(self.momentum_encoder(second)).float()
            keys = functional.normalize(keys, dim=1)
        loss = infonce(queries, keys, self.queue, self.temperature).mean()
        if self.training:
            self._enqueue(keys)
        return loss

    @torch.no_grad()
    def _enqueue(self, keys: torch.Tensor) -> None:
        size = len(self.queue)
        keys = keys[:size]
        places = (self.place + torch.arange(len(keys), device=keys.device)) % size
        # A copy: the queue is still part of the graph of this step's loss.
        self.queue = self.queue.index_copy(0, places, keys)
        self.place = (self.place + len(keys)) % size

    @torch.no_grad()
    def after_step(self) -> None:
        online: list[torch.Tensor] = [*self.encoder.parameters(), *self.head.parameters()]
        slow: list[torch.Tensor] = [
            *self.momentum_encoder.parameters(),
            *self.momentum_head.parameters(),
        ]
        torch._foreach_lerp_(slow, online, 1.0 - self.momentum)


METHODS: dict[str, type[SimCLR] | type[MoCoV2]] = {"simclr": SimCLR, "moco_v2": MoCoV2}


def build_method(spec: PretrainingSpec, encoder: Encoder, images: int) -> Method:
    """The method of `spec` around a fresh encoder, for a dataset of `images` pretraining images."""
    return METHODS[spec.method](encoder, spec, images)
