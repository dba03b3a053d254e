"""The frozen model of a fold: encoder, projections to contrast with, rotation head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.density.folds import without_fold
from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.keeping import UnderWay
from quarterturn.pretrain.methods import Method
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.score.features import ROTATIONS, encode
from quarterturn.score.probe import Head, fit_head

#: Most images that the rotation head is fitted on, and most negatives of InfoNCE.
_HEAD_IMAGES, _NEGATIVES = 2000, 4096


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
            "method": self.method.state_dict(),
            "head": head,
            "negatives": self.negatives,
            "loss": self.loss,
        }


def restore(run: trainer.Run, state: dict[str, Any], spec: TrialSpec) -> FoldModel:
    """The model of a checkpoint, its encoder put into a fresh run."""
    run.method.load_state_dict(state["method"])
    head = Head(**state["head"])
    return FoldModel(
        run.method, head, state["negatives"], spec.pretraining.temperature, state["loss"]
    )


def build(run: trainer.Run, data: TrialData, base: Policy, spec: TrialSpec) -> FoldModel:
    """The model of a trained run; `data` must be that of the other folds.

    The rotation head is fitted on views of the base augmentation, as what it will judge are such
    views of policies (docs/searches.md, "Losses"). Negatives are projections of the same views: a
    queue of the finished encoder, for methods with a queue and without.
    """
    device = data.mean.device
    draws = RandomStreams(spec.seed, -1, device=device)
    views = augment(data.pretrain[:_NEGATIVES].to(device), base.view(0), draws)
    _, negatives = encode(run.method, data, views)
    seen = views[:_HEAD_IMAGES]
    turns = [encode(run.method, data, seen, turn=turn)[0] for turn in range(ROTATIONS)]
    targets = torch.arange(ROTATIONS, device=device).repeat_interleave(len(seen))
    record = data.cuda_graphs != "off"
    head = fit_head(torch.cat(turns), targets, ROTATIONS, spec.scoring.l2, record=record)
    last = run.losses[-10:]
    loss = sum(last) / max(1, len(last))
    return FoldModel(run.method, head, negatives, spec.pretraining.temperature, loss)


def pretrain(
    spec: TrialSpec,
    base: Policy,
    data: TrialData,
    resolution: int,
    watch: trainer.Watch,
    initial: Weights | None = None,
    kept: UnderWay | None = None,
) -> FoldModel:
    """Pretrain on the other folds with the base augmentation; on from where it was, if its worker
    was lost.
    """
    payload: dict[str, Any] = spec.payload or {}
    rest = without_fold(data, payload["fold"], payload["folds"])
    run = trainer.start(spec.pretraining, rest, resolution, spec.seed, initial)
    state = kept.load(data.mean.device) if kept is not None else None
    if state is not None:
        trainer.restore(run, state)
    trainer.train(
        run,
        base,
        rest,
        spec.pretraining,
        seed=spec.seed,
        until=payload["iterations"],
        length=payload["iterations"],
        watch=watch,
        keeper=kept.keeper(0, 0.0) if kept is not None else None,
    )
    return build(run, rest, base, spec)
