"""Exports of policies for pictures of more than 8 bits, or of other channels than red, green and
blue, show them as the search did, or say how.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quarterturn import load_policy
from quarterturn.errors import InvalidInputError
from quarterturn.export import FORMATS, Options, export
from quarterturn.policy import parse_policy
from quarterturn.policy.operations import COLOR_OPERATIONS, OPERATIONS
from tests.data.drawn import shape01
from tests.export.libraries import module

DOCUMENT: dict[str, Any] = {
    "views": [[{"op": "horizontal_flip", "probability": 0.0}]],
    "input": {"intensity": {"low": 100, "high": 3000}, "bands": [3, 2, 1]},
}
ALL = {**DOCUMENT, "input": {"intensity": {"low": 0, "high": 60, "of": "all"}}}
SAMPLES = {
    "uint16": np.round(shape01(1) * 4095).astype(np.uint16),
    "int16": np.round(shape01(2) * 4095 - 500).astype(np.int16),
    "int32": np.round(shape01(3) * 4095).astype(np.int32),
    "uint8": np.round(shape01(4) * 60).astype(np.uint8),
}


def _view(library: str, document: dict[str, Any]) -> Any:
    pytest.importorskip(library)
    return module(export(parse_policy(document), library).text).first_view


@pytest.mark.parametrize("document", [DOCUMENT, ALL], ids=["deep", "all"])
@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("library", ["torchvision", "lightly", "kornia"])
def test_a_file_maps_samples_as_load_policy_does(
    library: str, kind: str, document: dict[str, Any]
) -> None:
    view, values = _view(library, document), SAMPLES[kind]
    expected = load_policy(document)(values)
    shown = view(torch.from_numpy(values)[None, None] if library == "kornia" else values_of(values))
    if library == "kornia":
        shown = (shown * 255).round().to(torch.uint8)
    assert np.array_equal(shown.numpy().squeeze(), expected)
    if library != "kornia" and kind != "int16":
        picture = Image.fromarray(values)
        expected = np.asarray(load_policy(document)(picture))
        assert np.array_equal(np.asarray(view(picture)), expected)


def values_of(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values)[None]


@pytest.mark.parametrize("library", ["torchvision", "lightly", "kornia"])
def test_values_that_are_none_are_black_here_and_there(library: str) -> None:
    values = (shape01(1) * 3000).astype(np.float32)
    values[:3], values[3:6], values[6:9] = np.nan, np.inf, -3.4e38
    document = {**DOCUMENT, "input": {"intensity": {"low": -100, "high": 3000}}}
    expected = np.asarray(load_policy(document)(Image.fromarray(values)))
    assert (expected[:9] == 0).all()
    if library != "kornia":
        shown = _view(library, document)(Image.fromarray(values))
        assert np.array_equal(np.asarray(shown), expected)


@pytest.mark.parametrize("library", ["torchvision", "lightly", "kornia"])
def test_without_a_range_samples_are_refused(library: str) -> None:
    view = _view(library, {"views": [[]]})
    values = torch.from_numpy(SAMPLES["uint16"])
    with pytest.raises(ValueError, match="map them to 8 bits"):
        view(values[None, None] if library == "kornia" else values[None])


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("json", "timm")])
def test_each_file_says_what_is_to_be_done(name: str) -> None:
    exported = export(parse_policy(DOCUMENT), name, Options(size=48))
    said = " ".join(item.message for item in exported.differences)
    assert "100 is black, 3000 is white" in said
    assert "Bands 3, 2, 1" in said


def _operation(name: str) -> dict[str, Any]:
    info = OPERATIONS[name]
    strength = {"strength": 1 if info.integer else info.search_limit / 2}
    return {"op": name, **(strength if info.has_strength else {})}


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
@pytest.mark.parametrize("library", ["load_policy", "torchvision", "kornia"])
def test_everything_but_colors_takes_any_number_of_channels(library: str, channels: int) -> None:
    torch.manual_seed(0)
    images = torch.rand(2, channels, 24, 24)
    crop = {"op": "random_resized_crop", "scale": [0.5, 0.9], "ratio": [0.75, 1.33]}
    for name in (*OPERATIONS, "random_resized_crop"):
        document = {"views": [[crop if name == crop["op"] else _operation(name)]]}
        one = (
            load_policy(document, seed=1) if library == "load_policy" else _view(library, document)
        )
        inputs = list(images) if library == "torchvision" else [images]
        if name in COLOR_OPERATIONS:
            for item in inputs:
                with pytest.raises((ValueError, InvalidInputError), match=name):
                    one(item)
            continue
        for item in inputs:
            result = one(item)
            assert result.shape == item.shape, name
            assert 0 <= float(result.min()) <= float(result.max()) <= 1, name


@pytest.mark.parametrize("library", ["load_policy", "torchvision", "kornia"])
def test_all_channels_of_an_image_move_together(library: str) -> None:
    stages = [_operation("rotate"), _operation("translate_x"), _operation("horizontal_flip")]
    document = {"views": [[{**stage, "probability": 0.5} for stage in stages]]}
    one = load_policy(document) if library == "load_policy" else _view(library, document)
    for number in range(8):
        torch.manual_seed(number)
        images = torch.rand(1, 1, 24, 24).expand(-1, 7, -1, -1)
        result = one(images[0] if library == "torchvision" else images)
        planes = result.reshape(7, 24, 24)
        assert torch.allclose(planes, planes[:1].expand(7, -1, -1), atol=1e-6)


def test_a_color_operation_that_is_never_applied_needs_no_colors() -> None:
    document = {"views": [[{"op": "hue", "strength": 0.1, "probability": 0.0}]]}
    images = torch.rand(1, 5, 16, 16)
    assert torch.equal(load_policy(document)(images), images)
    assert torch.equal(_view("kornia", document)(images), images)


@pytest.mark.parametrize("channels", [1, 5])
def test_albumentations_takes_them_too(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (24, 24, channels), np.uint8)
    for name in ("rotate", "translate_x", "shear_y", "horizontal_flip", "invert"):
        view = _view("albumentations", {"views": [[_operation(name)]]})
        assert view(image=image)["image"].shape == image.shape, name
        assert view(image).shape == image.shape, name
