"""The operations and crops of a policy, its groups unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle, Stage


def leaves(
    stages: Iterable[Stage], *, idle: bool = False
) -> Iterator[Operation | RandomResizedCrop]:
    """Every operation and crop that can be applied at all, in order; with `idle` those of
    probability 0 too.
    """
    for stage in stages:
        if stage.probability == 0.0 and not idle:
            continue
        if isinstance(stage, OneOf):
            for branch in stage.branches:
                yield from leaves(branch.stages, idle=idle)
        elif isinstance(stage, Sample | Shuffle):
            yield from leaves(stage.of, idle=idle)
        else:
            yield stage
