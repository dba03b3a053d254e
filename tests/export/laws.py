"""Whether a library draws what our interpreter draws: statistics of many draws of one picture."""

from __future__ import annotations

import random

import numpy as np
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.export import Options, export
from quarterturn.policy import Policy
from tests.augment.images import smooth
from tests.export.libraries import SIZE, load

DRAWS = 300
#: Standard errors that two means may differ by: a chance of 1 in 30,000 per statistic.
_ERRORS = 4.2
#: Beyond noise, in parts of the value range. Operations with a note of their own get more.
_ALLOWED, _ALLOWED_WITH_NOTE = 0.004, 0.012


_CHANGED = 5


def statistics(views: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """(n, k): means of channels, spread, distance from the picture, edges, left and upper half."""
    change = (views - picture).abs()
    across = (views[..., 1:] - views[..., :-1]).abs().mean((1, 2, 3))
    down = (views[..., 1:, :] - views[..., :-1, :]).abs().mean((1, 2, 3))
    half = SIZE // 2
    parts = [
        *views.mean((2, 3)).unbind(1),
        views.std((1, 2, 3)),
        change.mean((1, 2, 3)),
        (change.mean((1, 2, 3)) > 1e-3).float(),
        across,
        down,
        views[..., :half].mean((1, 2, 3)),
        views[..., :half, :].mean((1, 2, 3)),
    ]
    return torch.stack(parts, 1)


def same_law(policy: Policy, library: str, view: int = 0) -> None:
    """Assert that means of the statistics, and their spread, agree."""
    picture = smooth(1, SIZE, SIZE, seed=5)
    many = picture.repeat(DRAWS, 1, 1, 1)
    random.seed(1)  # that of timm
    np.random.seed(1)
    torch.manual_seed(1)
    ours = augment(many, policy.view(view), RandomStreams(0), view=view)
    theirs = load(policy, library, view)(many)
    a, b = (statistics(views, picture.float() / 255.0) for views in (ours, theirs))
    noted = bool(export(policy, library, Options(size=SIZE, view=view)).differences)
    allowed = torch.full((a.shape[1],), _ALLOWED_WITH_NOTE if noted else _ALLOWED)
    error = ((a.var(0) + b.var(0)) / DRAWS).sqrt()
    apart = (a.mean(0) - b.mean(0)).abs() - _ERRORS * error
    assert bool((apart <= allowed).all()), apart
    spread = (a.std(0) - b.std(0)).abs() - _ERRORS * (_spread_error(a) + _spread_error(b))
    spread[_CHANGED] = 0.0  # follows from its mean
    assert bool((spread <= 0.05 * a.std(0) + allowed).all()), spread


def _spread_error(sample: torch.Tensor) -> torch.Tensor:
    """Standard errors of standard deviations, of any law with a fourth moment."""
    centred = sample - sample.mean(0)
    variance = centred.pow(2).mean(0)
    excess = (centred.pow(4).mean(0) - variance.pow(2)).clamp_min(0.0)
    return (excess / DRAWS).sqrt() / (2.0 * variance.sqrt()).clamp_min(1e-6)
