"""One candidate as the paper's scripts run it; it needs torch and torchvision alone.

Encoder, images, batch size, iterations and bf16 are the same as ours. What differs is what is
compared: transforms of single PIL images in worker processes, and a probe trained for 50 epochs.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torchvision.transforms import v2 as t

from benchmarks.performance.augment import torchvision
from benchmarks.performance.candidate.loading import endless, loader
from quarterturn.models.encoders import Encoder, build_encoder
from quarterturn.policy.recipes import moco_v2
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import autocast
from quarterturn.pretrain.methods import build_method
from quarterturn.pretrain.spec import PretrainingSpec


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
    size, device = data.pretrain.shape[-1], data.mean.device
    method = build_method(spec, build_encoder(spec.encoder, size), len(data.pretrain))
    method = method.to(device).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(method.parameters(), lr=0.4, momentum=0.9, weight_decay=1e-4)
    one = t.Compose([torchvision.build(moco_v2(), size, pil=True), *_to_normal(data)])
    batches = endless(loader(data.pretrain, _TwoViews(one), spec.batch_size, workers, device))
    for views in itertools.islice(batches, iterations):
        first, second = (view.to(device, non_blocking=True) for view in views)
        optimizer.zero_grad()
        with autocast(device):
            loss = method.loss(first, second)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        method.after_step()
    return method.encoder


def paper_probe(
    encoder: Encoder, data: TrialData, images: tuple[int, int], epochs: int, workers: int
) -> float:
    """The rotation probe of section 1: every epoch crops anew and runs the encoder anew."""
    size, device = data.pretrain.shape[-1], data.mean.device
    encoder.eval().requires_grad_(False)
    head = nn.Linear(encoder.dimension, 4).to(device)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.SGD(head.parameters(), lr=15.0, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [10, 20])
    crop = t.Compose([t.RandomResizedCrop(size), t.RandomHorizontalFlip(), *_to_normal(data)])
    train = loader(data.probe_train[: images[0]], crop, 256, workers, device)
    test = loader(data.probe_test[: images[1]], t.Compose(_to_normal(data)), 256, workers, device)

    def features(batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        batch = batch.to(device, non_blocking=True)
        turns = torch.cat([torch.rot90(batch, turn, (2, 3)) for turn in range(4)])
        with torch.no_grad(), autocast(device):
            found = encoder(turns.contiguous(memory_format=torch.channels_last)).float()
        return found, torch.arange(4, device=device).repeat_interleave(len(batch))

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
