"""How many steps of a small trial take how long on this machine."""

from __future__ import annotations

import time
from functools import lru_cache

import torch

from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import PretrainingSpec
from tests.augment.images import smooth
from tests.conftest import TINY_SEARCH

_AT_ONCE = 10


@lru_cache(maxsize=1)
def _seconds_of_a_step() -> float:
    """At its fastest: what is busy now may be idle later."""
    images = smooth(200, 28, 28)
    middle = torch.full((1, 3, 1, 1), 0.5)
    data = TrialData(images, images[:9], images[:9], images[:9], middle, middle)
    spec = PretrainingSpec.model_validate(TINY_SEARCH["pretraining"])
    run = trainer.start(spec, data, 28, 0)
    took = []
    for until in range(_AT_ONCE, 9 * _AT_ONCE, _AT_ONCE):
        began = time.perf_counter()
        trainer.train(
            run, crop_flip(), data, spec, seed=0, until=until, length=1000, watch=lambda _: None
        )
        took.append(time.perf_counter() - began)
    return min(took) / _AT_ONCE


def steps(seconds: float, least: int) -> int:
    """So many that a trial of them is under way for so long, however fast the machine is."""
    return max(least, round(seconds / _seconds_of_a_step()))
