"""Every operation in every library: the same picture at a fixed strength, or the same law."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.export.support import SUPPORT
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import OPERATIONS
from tests.augment.images import smooth
from tests.export.laws import same_law
from tests.export.libraries import SIZE, load

PICTURES = smooth(6, SIZE, SIZE)
_LIBRARIES = ("torchvision", "kornia", "albumentations")
_COMPARED = [
    (library, name)
    for library in _LIBRARIES
    for name, support in SUPPORT[library].items()
    if support.tolerance is not None
]
_DRAWN = [
    (library, name)
    for library in _LIBRARIES
    for name, support in SUPPORT[library].items()
    if support.tolerance is None
]


def _settings(name: str) -> list[dict[str, Any]]:
    """The operation at a few fixed strengths, in both directions."""
    info = OPERATIONS[name]
    if not info.has_strength:
        return [{"op": name}]
    if name.startswith(("translate", "shear")):
        strengths = [0.0, 0.125, 0.25, 0.375]  # whole pixels, which one library needs
    else:
        limit = info.search_limit
        strengths = [0.0, 0.3 * limit, 0.6 * limit, limit]
    if info.integer:
        strengths = [float(round(strength)) for strength in strengths]
    signs = ("positive", "negative") if info.signed else (None,)
    fills = (None, [10, 200, 90]) if info.geometric else (None,)
    return [
        {"op": name, "strength": strength, "sign": sign, "fill": fill}
        for strength in strengths
        for sign in signs
        for fill in fills
    ]


def _policy(*stages: dict[str, Any]) -> Policy:
    return parse_policy(
        {"views": [[{k: v for k, v in stage.items() if v is not None} for stage in stages]]}
    )


def _inside(setting: dict[str, Any], library: str) -> torch.Tensor:
    """Pixels that are covered by the picture in both, two pixels from its border."""
    white = torch.full_like(PICTURES, 255)
    policy = _policy({**setting, "fill": [0, 0, 0]})
    ours, theirs = augment(white, policy.view(0), RandomStreams(0)), load(policy, library)(white)
    covered = (ours > 0.999) & (theirs > 0.999)
    covered[..., :2, :] = covered[..., -2:, :] = False
    covered[..., :2] = covered[..., -2:] = False
    assert covered.float().mean() > 0.2
    # Two pixels from the border of what is uncovered as well.
    bare = torch.nn.functional.max_pool2d(1.0 - covered.float(), 5, 1, 2)
    return bare == 0


@pytest.mark.parametrize(("library", "name"), _COMPARED)
def test_pictures_are_the_same_within_the_tolerance(library: str, name: str) -> None:
    tolerance = SUPPORT[library][name].tolerance
    assert tolerance is not None
    for setting in _settings(name):
        policy = _policy(setting)
        ours = augment(PICTURES, policy.view(0), RandomStreams(0))
        theirs = load(policy, library)(PICTURES)
        steps = (ours - theirs).abs() * 255.0
        if OPERATIONS[name].geometric:
            steps = steps[_inside(setting, library)]
            assert steps.numel() > 0
        else:
            steps = steps[..., 2:-2, 2:-2]
        assert float(steps.max()) <= tolerance, setting


@pytest.mark.parametrize(("library", "name"), _DRAWN)
def test_what_is_drawn_has_the_same_law(library: str, name: str) -> None:
    setting: dict[str, Any] = {"op": name, "probability": 0.7}
    if name in OPERATIONS and OPERATIONS[name].has_strength:
        setting["strength"] = [0.1, 0.2]
    same_law(_policy(setting), library)


@pytest.mark.parametrize("library", _LIBRARIES)
@pytest.mark.parametrize("name", [n for n, info in OPERATIONS.items() if info.has_strength])
def test_ranges_and_signs_have_the_same_law(library: str, name: str) -> None:
    info = OPERATIONS[name]
    limit = 4.0 if info.integer else info.search_limit
    low = 0.0 if info.integer else 0.25 * limit
    same_law(_policy({"op": name, "strength": [low, limit], "probability": 0.8}), library)
