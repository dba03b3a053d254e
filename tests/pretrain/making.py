"""Small runs on made-up images."""

from __future__ import annotations

from typing import Any

import torch

from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.packs.training import Member
from quarterturn.pretrain.spec import PretrainingSpec
from tests.augment.images import smooth

POLICIES = [BASELINES[name]() for name in ("simclr", "crop_flip", "rand_augment", "none")]


def made_up(count: int = 120, device: torch.device | str = "cpu") -> TrialData:
    """Images of 28 pixels, the first of them to score on too."""
    images = smooth(count, 28, 28).to(device).contiguous(memory_format=torch.channels_last)
    middle = torch.full((1, 3, 1, 1), 0.5, device=device)
    return TrialData(images, images[:60], images[:60], images[:60], middle, middle / 2)


def small(method: str = "simclr", **changes: Any) -> PretrainingSpec:
    """Of steps that take milliseconds."""
    return PretrainingSpec.model_validate(
        {
            "encoder": "resnet_tiny",
            "method": method,
            "batch_size": 8,
            "learning_rate": 1e-3,
            "warm_up_iterations": 3,
            **changes,
        }
    )


def nothing(step: int) -> None:
    """A watch that lets every step pass."""


def members_of(data: TrialData, spec: PretrainingSpec, count: int) -> list[Member]:
    """Of different policies, and of two seeds."""
    return [
        Member(trainer.start(spec, data, 28, k % 2), POLICIES[k % 4], k % 2, nothing)
        for k in range(count)
    ]


def trained(
    run: trainer.Run, data: TrialData, spec: PretrainingSpec, until: int, watch: trainer.Watch
) -> trainer.Run:
    """By the first policy and the seed 0, in a schedule of 20 steps."""
    trainer.train(run, POLICIES[0], data, spec, seed=0, until=until, length=20, watch=watch)
    return run


def tensors_of(run: trainer.Run) -> dict[str, torch.Tensor]:
    """All that a checkpoint holds, by name; copies."""
    state = trainer.state_of(run)
    found = {f"method.{name}": value.clone() for name, value in state["method"].items()}
    for number, of_parameter in state["optimizer"]["state"].items():
        found |= {f"optimizer.{number}.{name}": v.clone() for name, v in of_parameter.items()}
    found["losses"] = torch.tensor(run.losses)
    return found


def same(one: trainer.Run, other: trainer.Run) -> None:
    """Assert that two runs are equal to the last bit, and their checkpoints interchangeable."""
    mine, theirs = tensors_of(one), tensors_of(other)
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if not torch.equal(mine[name], theirs[name])] == []
    groups = [trainer.state_of(run)["optimizer"]["param_groups"] for run in (one, other)]
    assert groups[0] == groups[1]
    assert one.step == other.step
