"""One candidate as others would run it: the paper's scripts, and lightly.

Encoder, images, batch size, iterations and bf16 are the same as ours. What differs is what is
compared: transforms of single PIL images in worker processes, and a probe trained for 50 epochs.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms.simclr_transform import SimCLRTransform
from torch import nn
from torch.nn import functional
from torchvision.transforms import v2 as t

from benchmarks.augment import torchvision
from benchmarks.candidate.loading import endless, loader
from core.policies.recipes import moco_v2
from core.pretraining.data import TrialData
from core.pretraining.encoders import Encoder, build_encoder
from core.pretraining.hardware import autocast
from core.pretraining.methods import build_method
from core.pretraining.spec import PretrainingSpec


class _TwoViews:
    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, picture: Any) -> tuple[Any, Any]:
        return self.transform(picture), self.transform(picture)


def _to_normal(data: TrialData) -> list[Any]:
    return [
        t.ToImage(),
        t.ToDtype(torch.float32, scale=True),
        t.Normalize(data.mean.flatten().tolist(), data.std.flatten().tolist()),
    ]


def paper_pretraining(
    data: TrialData, spec: PretrainingSpec, iterations: int, workers: int
) -> Encoder:
    """MoCo v2 with its policy by SGD, as SelfAugment's scripts do (method notes, section 6)."""
    size = data.pretrain.shape[-1]
    method = build_method(spec, build_encoder(spec.encoder, size), len(data.pretrain))
    method = method.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.4, momentum=0.9, weight_decay=1e-4)
    one = t.Compose([torchvision.build(moco_v2(), size, pil=True), *_to_normal(data)])
    batches = endless(loader(data.pretrain, _TwoViews(one), spec.batch_size, workers))
    for first, second in itertools.islice(batches, iterations):
        optimizer.zero_grad()
        with autocast(torch.device("cpu")):
            loss = method.loss(first, second)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        method.after_step()
    return method.encoder


def paper_probe(
    encoder: Encoder, data: TrialData, images: tuple[int, int], epochs: int, workers: int
) -> float:
    """The rotation probe of section 1: every epoch crops anew and runs the encoder anew."""
    size = data.pretrain.shape[-1]
    encoder.eval().requires_grad_(False)
    head = nn.Linear(encoder.dimension, 4)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.SGD(head.parameters(), lr=15.0, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [10, 20])
    crop = t.Compose([t.RandomResizedCrop(size), t.RandomHorizontalFlip(), *_to_normal(data)])
    train = loader(data.probe_train[: images[0]], crop, 256, workers)
    test = loader(data.probe_test[: images[1]], t.Compose(_to_normal(data)), 256, workers)

    def features(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        turns = torch.cat([torch.rot90(batch, turn, (2, 3)) for turn in range(4)])
        with torch.no_grad(), autocast(torch.device("cpu")):
            found = encoder(turns.contiguous(memory_format=torch.channels_last)).float()
        return found, torch.arange(4).repeat_interleave(len(batch))

    best = 0.0
    for _ in range(epochs):
        for batch in train:
            inputs, labels = features(batch)
            optimizer.zero_grad()
            functional.cross_entropy(head(inputs), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
        right = total = 0
        for batch in test:
            inputs, labels = features(batch)
            right += int((head(inputs).argmax(1) == labels).sum())
            total += len(labels)
        best = max(best, right / total)
    return best


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
