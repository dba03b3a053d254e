"""Applies a policy to a batch: samples a plan on the CPU, and runs it where the images are."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from quarterturn.augment.backends import choose_backend
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.packed_plan import PackedPlan, join, split_views
from quarterturn.augment.plan import sample_plan
from quarterturn.augment.random_streams import RandomStreams
from quarterturn.policy.schema import Policy, Stage


def augment(
    images: torch.Tensor,
    stages: Sequence[Stage],
    streams: RandomStreams,
    *,
    view: int = 0,
    normalization: Normalization | None = None,
) -> torch.Tensor:
    """Apply the stages of one view to a batch.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1]; not changed.
        view: number of the view; different views draw independently.
        normalization: what an encoder wants its inputs shifted and scaled by.

    Returns:
        float32 (n, 3, h, w) in [0, 1]; with a normalization normalized, and channels last.
    """
    plan = sample_plan(stages, streams, len(images), *images.shape[2:], view=view)
    return choose_backend(images.device, plan)(plan, images, normalization)


def prepare_views(
    policies: Sequence[tuple[Policy, RandomStreams]], count: int, height: int, width: int
) -> PackedPlan:
    """The plan of two views of as many batches, of `count` images each: first those of view 0 of
    all batches, then those of view 1. It needs no device, and can be sampled before in another
    thread.
    """
    plans = []
    for policy, streams in policies:
        stages, size = policy.view(0), (height, width)
        if stages is policy.view(1):
            # Together: of small images, most of the time goes into calls.
            plans.append(sample_plan(stages, streams.both, 2 * count, *size))
        else:
            views = [
                sample_plan(policy.view(view), streams, count, *size, view=view) for view in (0, 1)
            ]
            plans.append(join(views))
    if len(plans) == 1:
        return plans[0]
    first, second = zip(*(split_views(plan) for plan in plans), strict=True)
    return join([*first, *second])


def two_views(
    images: torch.Tensor,
    policy: Policy,
    streams: RandomStreams,
    normalization: Normalization | None = None,
    prepared: PackedPlan | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent views of a batch; arguments and result as `augment`.

    Args:
        prepared: that of `prepare_views` of this batch, if it was sampled before.
    """
    plan = prepared or prepare_views([(policy, streams)], len(images), *images.shape[2:])
    done = choose_backend(images.device, plan)(plan, images, normalization, times=2)
    return done[: len(images)], done[len(images) :]


def two_views_of_all(
    batches: Sequence[tuple[torch.Tensor, Policy, RandomStreams]],
    normalization: Normalization,
    prepared: PackedPlan | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two views of each of K batches of n images, each by its own policy and streams.

    Where a device has to be sent work, that of all batches and both views is sent together.

    Args:
        prepared: that of `prepare_views` of these batches, if it was sampled before.

    Returns:
        As `two_views`, but for the last digits, with K as the first dimension: (K, n, 3, h, w).
    """
    images = batches[0][0]
    policies = [(policy, streams) for _, policy, streams in batches]
    plan = prepared or prepare_views(policies, len(images), *images.shape[2:])
    everything = torch.cat([images for images, *_ in batches])
    done = choose_backend(images.device, plan)(plan, everything, normalization, times=2)
    first, second = done.view(2, len(batches), *images.shape)
    return first, second
