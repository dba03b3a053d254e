"""The frozen model of a fold: encoder, projections to contrast with, rotation head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from core.augmentation import Draws, augment
from core.density.folds import without_fold
from core.policies.schema import Policy
from core.pretraining import trainer
from core.pretraining.data import TrialData
from core.pretraining.hardware import autocast
from core.pretraining.methods import Method
from core.pretraining.spec import TrialSpec
from core.scoring.features import ROTATIONS
from core.scoring.probe import fit_logistic

_BATCH = 500
#: Most images that the rotation head is fitted on, and most negatives of InfoNCE.
_HEAD_IMAGES, _NEGATIVES = 2000, 4096


@dataclass(frozen=True)
class Head:
    """A linear classifier on standardised features: weight (d, c), bias, mean and scale (d,)."""

    weight: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, d) features to (n, c)."""
        return ((features - self.mean) / self.scale) @ self.weight + self.bias


@dataclass(frozen=True)
class FoldModel:
    """All that a policy's losses need. `negatives` are (k, p), L2-normalised; `loss` is the mean of
    the last losses of pretraining.
    """

    method: Method
    head: Head
    negatives: torch.Tensor
    temperature: float
    loss: float

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        head = {name: getattr(self.head, name) for name in ("weight", "bias", "mean", "scale")}
        return {
            "method": self.method.state_dict(), "head": head,
            "negatives": self.negatives, "loss": self.loss,
        }  # fmt: skip


def restore(run: trainer.Run, state: dict[str, Any], spec: TrialSpec) -> FoldModel:
    """The model of a checkpoint, its encoder put into a fresh run."""
    run.method.load_state_dict(state["method"])
    head = Head(**state["head"])
    return FoldModel(
        run.method, head, state["negatives"], spec.pretraining.temperature, state["loss"]
    )


def fit_head(features: torch.Tensor, targets: torch.Tensor, classes: int, l2: float) -> Head:
    """A head on (n, d) features."""
    mean, std = features.mean(0), features.std(0)
    scale = torch.where(std > 1e-6, std, torch.ones_like(std))
    weight, bias = fit_logistic((features - mean) / scale, targets, classes, l2)
    return Head(weight, bias, mean, scale)


@torch.no_grad()
def encode(
    method: Method, data: TrialData, images: torch.Tensor, *, turn: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features (n, d) and normalised projections (n, p) of float images, turned by quarters."""
    features, outputs = [], []
    method.eval()
    for batch in torch.split(data.normalise(images), _BATCH):
        turned = torch.rot90(batch, turn, (2, 3)) if turn else batch
        turned = turned.contiguous(memory_format=torch.channels_last)
        with autocast(batch.device):
            found = method.encoder(turned)
            projected = method.head(found)
        features.append(found.float())
        outputs.append(torch.nn.functional.normalize(projected.float(), dim=1))
    return torch.cat(features), torch.cat(outputs)


def build(run: trainer.Run, data: TrialData, base: Policy, spec: TrialSpec) -> FoldModel:
    """The model of a trained run; `data` must be that of the other folds.

    The rotation head is fitted on views of the base augmentation, as what it will judge are such
    views of policies (method notes 4.2). Negatives are projections of the same views: a queue of
    the finished encoder, for methods with a queue and without.
    """
    device = data.mean.device
    draws = Draws(spec.seed, -1, device=device)
    views = augment(data.pretrain[:_NEGATIVES].to(device), base.view(0), draws)
    _, negatives = encode(run.method, data, views)
    seen = views[:_HEAD_IMAGES]
    turns = [encode(run.method, data, seen, turn=turn)[0] for turn in range(ROTATIONS)]
    targets = torch.arange(ROTATIONS, device=device).repeat_interleave(len(seen))
    head = fit_head(torch.cat(turns), targets, ROTATIONS, spec.scoring.l2)
    last = run.losses[-10:]
    loss = sum(last) / max(1, len(last))
    return FoldModel(run.method, head, negatives, spec.pretraining.temperature, loss)


def pretrain(
    spec: TrialSpec, base: Policy, data: TrialData, resolution: int, watch: trainer.Watch
) -> FoldModel:
    """Pretrain on the other folds with the base augmentation."""
    payload: dict[str, Any] = spec.payload or {}
    rest = without_fold(data, payload["fold"], payload["folds"])
    run = trainer.start(spec.pretraining, rest, resolution, spec.seed)
    trainer.train(
        run, base, rest, spec.pretraining, seed=spec.seed, until=payload["iterations"],
        length=payload["iterations"], watch=watch,
    )  # fmt: skip
    return build(run, rest, base, spec)
