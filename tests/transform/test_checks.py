"""Wrong images are refused with one sentence, by `load_policy` and by every exported file."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest
import torch

from quarterturn import load_policy
from quarterturn.errors import InvalidInputError
from quarterturn.export import Options, export
from quarterturn.policy.recipes import moco_v2
from tests.augment.images import smooth
from tests.export.libraries import module

FLOATS = smooth(4, 24, 24) / 255.0
NORMALIZED = (FLOATS - 0.45) / 0.225
WRONG: dict[str, torch.Tensor] = {
    "0 to 255": FLOATS * 255.0,
    "normalized": NORMALIZED,
    "minus one to one": FLOATS * 2.0 - 1.0,
    "not finite": FLOATS.index_fill(0, torch.tensor([0]), float("nan")),
    "channels last": FLOATS.permute(0, 2, 3, 1),
    "one side": FLOATS[0, 0],
    "videos": FLOATS.unsqueeze(0),
}


@pytest.mark.parametrize("what", WRONG)
def test_load_policy_refuses(what: str) -> None:
    transform = load_policy(moco_v2().to_document(), seed=0)
    with pytest.raises(ValueError, match=r"\[0, 1\]|expected") as caught:
        transform.two_views(WRONG[what])
    assert isinstance(caught.value, InvalidInputError)
    assert caught.value.code == "wrong_images"


@pytest.mark.parametrize("images", [[FLOATS[0], FLOATS[1]], "a.png", None, FLOATS.numpy()])
def test_load_policy_refuses_what_is_no_picture(images: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        load_policy(moco_v2().to_document())(images)


def test_a_batch_of_grey_pictures_is_not_taken_for_channels() -> None:
    transform = load_policy({"views": [[{"op": "horizontal_flip"}]]})
    with pytest.raises(ValueError, match=r"unsqueeze\(1\)"):
        transform(torch.rand(32, 24, 24))
    with pytest.raises(ValueError, match="channels come last"):
        transform(np.zeros((3, 24, 24), np.uint8))
    assert transform(torch.rand(16, 1, 24, 24)).shape == (16, 1, 24, 24)


def test_rounding_is_let_through_and_the_check_can_be_left_out() -> None:
    document = {"views": [[{"op": "horizontal_flip"}]]}
    near = FLOATS.clamp(0, 1) * 1.004 - 0.002
    assert load_policy(document)(near).shape == near.shape
    out = load_policy(document, check=False)(NORMALIZED)
    assert out.shape == NORMALIZED.shape


@pytest.fixture(scope="module")
def files() -> dict[str, types.ModuleType]:
    names = ("torchvision", "kornia", "albumentations", "timm")
    return {name: module(export(moco_v2(), name, Options(size=24)).text) for name in names}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("name", ["torchvision", "kornia"])
def test_files_refuse_tensors(name: str, what: str, files: dict[str, types.ModuleType]) -> None:
    for view in (files[name].first_view, files[name].second_view):
        with pytest.raises(ValueError, match=r"\[0, 1\]|expected"):
            view(WRONG[what])


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(3, 24, 24, dtype=torch.complex64),
        torch.zeros(32, 24, 24),
        np.zeros((24, 24, 3), np.float32),
        None,
    ],
)
@pytest.mark.parametrize("name", ["torchvision", "kornia"])
def test_files_refuse_other_kinds(
    name: str, images: Any, files: dict[str, types.ModuleType]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        files[name].first_view(images)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((24, 24, 3), np.float32),
        np.zeros((24, 24, 3), np.uint16),
        np.zeros((2, 24, 24, 3), np.uint8),
        np.zeros((3, 24, 24), np.uint8),
        torch.zeros(3, 24, 24),
        None,
    ],
)
@pytest.mark.parametrize("name", ["albumentations", "timm"])
def test_files_of_arrays_and_pictures_refuse(
    name: str, images: Any, files: dict[str, types.ModuleType]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        files[name].first_view(images)


@pytest.mark.parametrize("name", ["torchvision", "kornia", "albumentations"])
def test_grey_is_refused_every_time_and_says_why(
    name: str, files: dict[str, types.ModuleType]
) -> None:
    grey: Any = np.zeros((24, 24), np.uint8) if name == "albumentations" else FLOATS[0, :1]
    for _ in range(20):
        with pytest.raises(ValueError, match=r"hue.* need red, green and blue"):
            files[name].first_view(grey)


@pytest.mark.parametrize("name", ["torchvision", "lightly", "kornia", "albumentations", "timm"])
@pytest.mark.parametrize("version", ["0.0.1", "99.0"])
def test_other_releases_are_refused(
    name: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip(name)
    text = export(moco_v2(), name, Options(size=24)).text
    monkeypatch.setattr(library, "__version__", version)
    with pytest.raises(ImportError, match=f"tested with {name} .* and {version} is installed"):
        module(text)
