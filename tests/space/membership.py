"""An independent check that a candidate belongs to a space."""

from __future__ import annotations

from quarterturn.policy import Policy
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.recipes import crop, flip
from quarterturn.policy.schema import OneOf, Operation, RandomResizedCrop, Sample, Shuffle, Stage
from quarterturn.space import SearchSpace
from quarterturn.space.schema import (
    BasedSpace,
    Grid,
    RandAugmentSpace,
    Range,
    RecipesSpace,
    ShuffledOperations,
    SingleOperationSpace,
    SpaceOperation,
    SubPolicySpace,
)

BASES: dict[str, list[Stage]] = {"none": [], "flip": [flip()], "crop_flip": [crop(), flip()]}


def within(number: float, domain: float | Range | Grid, *, slack: float = 1e-6) -> bool:
    """Whether a domain has the number, up to rounding."""
    if isinstance(domain, Range):
        return domain.min - slack <= number <= domain.max + slack
    values = domain.values if isinstance(domain, Grid) else [domain]
    return any(abs(number - value) <= slack for value in values)


def fits(leaf: Operation | RandomResizedCrop, item: SpaceOperation, draw: str) -> bool:
    """Whether a leaf is one of those that an entry of a space allows."""
    if leaf.op != item.op or not within(leaf.probability, item.probability):
        return False
    if isinstance(leaf, RandomResizedCrop):
        return leaf.scale[1] == 1.0 and within(1.0 - leaf.scale[0], item.strengths)
    info = OPERATIONS[leaf.op]
    if not info.has_strength:
        return leaf.strength is None
    expected_low = leaf.high if draw == "fixed" else 0.0
    slack = 0.5 if info.integer else 1e-6  # strengths of integer operations are rounded
    return leaf.low == expected_low and within(leaf.high, item.strengths, slack=slack)


def _searched(policy: Policy, space: BasedSpace) -> list[Stage]:
    (stages,) = policy.views
    base = BASES[space.base]
    assert stages[len(stages) - len(base) :] == base
    return stages[: len(stages) - len(base)]


def _in_pipeline(
    stages: list[Stage], entries: list[SpaceOperation | ShuffledOperations], draw: str
) -> bool:
    for entry in entries:
        stage = stages[0] if stages else None
        if isinstance(entry, ShuffledOperations):
            present = (
                isinstance(stage, Shuffle)
                and within(stage.probability, entry.probability)
                and len(stage.of) == len(entry.of)
                and all(fits(*pair, draw) for pair in zip(stage.of, entry.of, strict=True))
            )
        else:
            present = isinstance(stage, Operation | RandomResizedCrop) and fits(stage, entry, draw)
        if present:
            stages = stages[1:]
        elif not within(0.0, entry.probability):
            return False  # only what is never applied may be left out
    return not stages


def _is_recipe(policy: Policy, space: RecipesSpace) -> bool:
    """Whether nothing but allowed operations is used, each kind of stage once at most."""
    leaves: list[str] = []
    kinds: list[str] = []
    for stage in policy.views[0]:
        inner = stage.of if isinstance(stage, Sample | Shuffle) else [stage]
        assert all(isinstance(leaf, Operation | RandomResizedCrop) for leaf in inner)
        leaves += [leaf.op for leaf in inner]
        kinds.append(stage.op)
    return set(leaves) <= set(space.operations) and len(set(kinds)) == len(kinds)


def belongs(policy: Policy, space: SearchSpace) -> bool:
    """Whether the space may propose the policy."""
    if isinstance(space, RecipesSpace):
        return _is_recipe(policy, space)
    stages = _searched(policy, space)
    if isinstance(space, SingleOperationSpace):
        (stage,) = stages
        assert isinstance(stage, Operation | RandomResizedCrop)
        return any(fits(stage, item, space.draw) for item in space.operations)
    if isinstance(space, RandAugmentSpace):
        (stage,) = stages
        assert isinstance(stage, Sample)
        return stage.count in space.count and [leaf.op for leaf in stage.of] == space.operations
    if isinstance(space, SubPolicySpace):
        (stage,) = stages
        assert isinstance(stage, OneOf)
        leaves = [leaf for branch in stage.branches for leaf in branch.stages]
        sizes = [len(branch.stages) for branch in stage.branches]
        return sizes == [space.operations_per_sub_policy] * space.sub_policies and all(
            any(fits(leaf, item, space.draw) for item in space.operations) for leaf in leaves
        )
    return _in_pipeline(stages, space.operations, space.draw)
