"""What is run, and in which order: what the decision needs most comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.datasets.archives import ARCHIVED
from benchmarks.experiments.table.field import table_policies
from quarterturn.table.rows import Run

SETS = (*ARCHIVED, "cifar10", "animal-mnist", "wesnoth", "emoji", "mnist")
#: The policies that the earlier rows lack, those first from which most is to be learned.
FIRST = (
    "strong jitter",
    "crop 0.5 + jitter",
    "jitter + grayscale",
    "crop + cutout + equalize",
    "lejepa",
    "rand_augment(1,9) without crop",
    "crop 0.35",
    "light jitter",
    "equalize",
    "dino",
    "crop + vertical flip + rotate 180",
    "jitter + cutout",
    "crop + light jitter",
    "crop without flip",
    "flips",
    "auto contrast",
)
#: Where recipes differ most, one of each kind.
LONG_SETS = ("clothing", "grocery", "gtsrb", "trashnet", "cifar10", "wesnoth")
LONG_POLICIES = (
    "crop_flip",
    "moco_v2",
    "crop + equalize",
    "jitter",
    "rand_augment(1,9)",
    "crop + jitter + grayscale",
    "crop 0.5",
    "crop + jitter",
    "simclr",
    "crop + cutout",
    "trivial_augment",
    "crop + blur",
    "rand_augment(2,9)",
    "strong jitter",
    "crop 0.5 + jitter",
    "none",
)


@dataclass(frozen=True)
class Part:
    """All combinations of the four; sets change fastest, so that what is there is balanced."""

    policies: Sequence[str]
    sets: Sequence[str] = SETS
    seeds: Sequence[int] = (0,)
    iterations: Sequence[int] = (300,)
    encoder: str = "conv4"

    def runs(self) -> Iterator[Run]:
        """In the order in which they are made."""
        for seed in self.seeds:
            for length in self.iterations:
                for policy in self.policies:
                    for name in self.sets:
                        yield Run(name, policy, seed, length, self.encoder)


def default_plan() -> list[Part]:
    """The whole table: the first seed, the second, long runs, short ones."""
    everything = list(table_policies())
    return [
        Part(FIRST),
        Part([name for name in everything if name not in FIRST]),
        Part(everything, seeds=(1,)),
        Part(LONG_POLICIES, LONG_SETS, iterations=(2000,)),
        Part(everything[::2], iterations=(100,)),
    ]
