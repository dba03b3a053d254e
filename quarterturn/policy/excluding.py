"""Policies without operations that the user has excluded."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from quarterturn.policy.leaves import leaves
from quarterturn.policy.schema import OneOf, Policy, Sample, Shuffle, Stage


def _strip(stage: Stage, excluded: Collection[str]) -> Stage | None:
    if isinstance(stage, OneOf):
        branches = [
            branch.model_copy(
                update={"stages": [leaf for leaf in branch.stages if leaf.op not in excluded]}
            )
            for branch in stage.branches
        ]
        return stage.model_copy(update={"branches": branches})
    if isinstance(stage, Sample | Shuffle):
        inner = [leaf for leaf in stage.of if leaf.op not in excluded]
        return stage.model_copy(update={"of": inner}) if inner else None
    return None if stage.op in excluded else stage


def operations_of(policy: Policy) -> set[str]:
    """Names of all operations that a policy may apply."""
    return {leaf.op for view in policy.views for leaf in leaves(view, idle=True)}


def exclude_operations(policy: Policy, excluded: Collection[str]) -> Policy:
    """The policy without these operations; its name says so if any was in it."""
    removed = [name for name in excluded if name in operations_of(policy)]
    if not removed:
        return policy
    views: list[list[Stage]] = []
    for stages in policy.views:
        kept: Sequence[Stage | None] = [_strip(stage, excluded) for stage in stages]
        views.append([stage for stage in kept if stage is not None])
    name = f"{policy.name} without {', '.join(removed)}"[:200]
    return policy.model_copy(update={"name": name, "views": views})
