"""One candidate as lightly's users would run it: its own transform, head and loss.

Encoder, images, batch size, iterations and bf16 are the same as ours.
"""

from __future__ import annotations

import itertools

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms.simclr_transform import SimCLRTransform
from torch import nn

from benchmarks.performance.candidate.loading import endless, loader
from quarterturn.models.encoders import Encoder, build_encoder
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import autocast
from quarterturn.pretrain.spec import PretrainingSpec


def lightly_pretraining(
    data: TrialData, spec: PretrainingSpec, iterations: int, workers: int
) -> Encoder:
    """lightly's SimCLR: its transform, head and loss."""
    size = data.pretrain.shape[-1]
    encoder = build_encoder(spec.encoder, size)
    head = SimCLRProjectionHead(encoder.dimension, spec.projection_width, spec.projection_dimension)
    model = nn.Sequential(encoder, head).to(memory_format=torch.channels_last)
    criterion = NTXentLoss(temperature=spec.temperature)
    optimizer = torch.optim.AdamW(model.parameters(), lr=spec.learning_rate)
    normal = {"mean": data.mean.flatten().tolist(), "std": data.std.flatten().tolist()}
    transform = SimCLRTransform(input_size=size, normalize=normal)
    batches = endless(loader(data.pretrain, transform, spec.batch_size, workers))
    for first, second in itertools.islice(batches, iterations):
        optimizer.zero_grad()
        with autocast(torch.device("cpu")):
            loss = criterion(model(first).float(), model(second).float())
        loss.backward()
        optimizer.step()
    return encoder
