"""Whole policies: baselines, recipes and groups, in every library that expresses them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.errors import InvalidInputError
from quarterturn.export import FORMATS, export
from quarterturn.export.support import SUPPORT
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.levels import operation_at
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.recipes import BASELINES, byol, crop_flip, rand_augment
from tests.augment.images import smooth
from tests.export.laws import same_law
from tests.export.libraries import SIZE, load, module
from tests.policy.examples import RECIPES

_FILES = ("torchvision", "lightly", "kornia", "albumentations")
_TIMM = {
    **{name: BASELINES[name]() for name in ("none", "crop_flip", "moco_v2", "simclr")},
    "rand_augment(2,15)": rand_augment(2, 15.0),
    "rand_augment(1,15)": rand_augment(1, 15.0),
}
_LEAVES: list[dict[str, Any]] = [
    {"op": "brightness", "strength": 0.5, "sign": "positive", "probability": 0.9},
    {"op": "invert", "probability": 0.5},
    {"op": "posterize", "strength": [2, 5]},
    {"op": "horizontal_flip", "probability": 0.3},
]
_GROUPS: dict[str, dict[str, Any]] = {
    "one_of": {
        "op": "one_of",
        "probability": 0.9,
        "branches": [
            {"weight": 3.0, "stages": _LEAVES[:2]},
            {"weight": 1.0, "stages": []},
            {"weight": 0.5, "stages": _LEAVES[2:]},
        ],
    },
    "sample": {"op": "sample", "count": 3, "of": _LEAVES, "probability": 0.8},
    "sample_without": {"op": "sample", "count": 2, "replace": False, "of": _LEAVES},
    "shuffle": {"op": "shuffle", "of": _LEAVES, "probability": 0.7},
}


@pytest.mark.parametrize("library", _FILES)
@pytest.mark.parametrize("name", RECIPES)
def test_recipes_have_the_same_law(name: str, library: str) -> None:
    for view in range(len(RECIPES[name].views)):
        same_law(RECIPES[name], library, view)


@pytest.mark.parametrize("library", _FILES)
@pytest.mark.parametrize("name", _GROUPS)
def test_groups_have_the_same_law(name: str, library: str) -> None:
    same_law(parse_policy({"views": [[_GROUPS[name]]]}), library)


@pytest.mark.parametrize("name", _TIMM)
def test_timm_has_the_same_law(name: str) -> None:
    same_law(_TIMM[name], "timm")


def test_trivial_augment_without_posterize_in_timm() -> None:
    stages = BASELINES["trivial_augment"]().to_document()["views"][0]
    stages[-1]["of"] = [leaf for leaf in stages[-1]["of"] if leaf["op"] != "posterize"]
    same_law(parse_policy({"views": [stages]}), "timm")


_SHARED = [name for name, s in SUPPORT["timm"].items() if s.tolerance is not None]


@pytest.mark.parametrize("name", _SHARED)
def test_each_operation_of_timm_gives_one_of_our_pictures(name: str) -> None:
    """At a fixed magnitude, where only the sign is drawn."""
    picture = smooth(1, SIZE, SIZE, seed=3)
    leaf = operation_at(name, 0.5).model_dump(exclude_none=True)
    tolerance = SUPPORT["timm"][name].tolerance
    assert tolerance is not None
    apply = load(parse_policy({"views": [[{"op": "sample", "count": 1, "of": [leaf]}]]}), "timm")
    signs = ("positive", "negative") if OPERATIONS[name].signed else (None,)
    ours = [
        augment(
            picture,
            parse_policy({"views": [[{**leaf, "sign": s} if s else leaf]]}).view(0),
            RandomStreams(0),
        )
        for s in signs
    ]
    # Where nothing is uncovered all pixels count; otherwise the share that surely is covered.
    counted = 0.75 if OPERATIONS[name].geometric else 1.0
    seen = set()
    for _ in range(16):
        theirs = apply(picture)
        inside = [((theirs - our).abs() * 255)[..., 2:-2, 2:-2] for our in ours]
        steps = [float(part.quantile(counted)) for part in inside]
        assert min(steps) <= tolerance
        seen.add(min(range(len(steps)), key=steps.__getitem__))
    assert len(seen) == len(signs)


@pytest.mark.parametrize(
    ("policy", "operation"),
    [
        (byol(), "solarize"),
        (rand_augment(2, 9.0), "posterize"),
        (parse_policy({"views": [[{"op": "cutout", "strength": 0.2}]]}), "cutout"),
        (parse_policy({"views": [[_GROUPS["one_of"]]]}), "one_of"),
        (parse_policy({"views": [[_GROUPS["sample"]]]}), "sample"),
        (parse_policy({"views": [[{"op": "gaussian_blur", "strength": 1}]]}), "gaussian_blur"),
        (
            parse_policy({"views": [[{"op": "grayscale"}, {"op": "random_resized_crop"}]]}),
            "random_resized_crop",
        ),
    ],
)
def test_timm_refuses_and_names_the_operation(policy: Policy, operation: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        export(policy, "timm")
    assert refused.value.code == "export_not_possible"
    assert operation in refused.value.message
    assert refused.value.fields[0]["path"] == operation


def test_unknown_formats_are_refused_with_the_list() -> None:
    with pytest.raises(InvalidInputError) as refused:
        export(byol(), "onnx")
    assert refused.value.code == "unknown_format"
    assert refused.value.fields[0]["allowed"] == list(FORMATS)


def test_albumentations_needs_a_size_for_crops_only() -> None:
    with pytest.raises(InvalidInputError, match="size"):
        export(byol(), "albumentations")
    assert export(BASELINES["none"](), "albumentations").text


@pytest.mark.parametrize("library", _FILES)
@pytest.mark.parametrize("name", RECIPES)
def test_two_views_of_one_picture_differ(name: str, library: str) -> None:
    if name == "none":
        pytest.skip("nothing is drawn")
    picture = smooth(1, SIZE, SIZE).repeat(8, 1, 1, 1)
    torch.manual_seed(0)
    apply = load(RECIPES[name], library)
    assert not torch.equal(apply(picture), apply(picture))


@pytest.mark.parametrize("library", ["torchvision", "kornia", "lightly"])
def test_names_cannot_become_code(library: str) -> None:
    name = 'x\nraise SystemExit\r"""\u2028\x0c\\'
    policy = crop_flip().model_copy(update={"name": name})
    file = module(export(policy, library).text)
    assert name == file.NAME
