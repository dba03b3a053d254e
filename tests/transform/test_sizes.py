"""Training sees the picture of the search: squares cut from the original, blurs that grow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from quarterturn import load_policy
from quarterturn.augment import RandomStreams, augment
from quarterturn.errors import InvalidInputError
from quarterturn.policy import parse_policy
from quarterturn.policy.recipes import moco_v2
from tests.augment.images import smooth


def _searched(side: int, *stages: dict[str, Any], fit: str = "crop") -> dict[str, Any]:
    selection = {"provenance": {"dataset": {"resolution": side}}}
    return {"views": [list(stages)], "selection": selection, "input": {"fit": fit}}


@pytest.mark.parametrize("size", [16, 48])
def test_every_kind_of_image_becomes_a_square_of_the_size(size: int) -> None:
    transform = load_policy(moco_v2().to_document(), seed=0, size=size)
    images = smooth(2, 30, 50)
    assert transform(images).shape == (2, 3, size, size)
    assert transform(images[0] / 255.0).shape == (3, size, size)
    array = images[0].permute(1, 2, 0).numpy()
    assert transform(array).shape == (size, size, 3)
    assert transform(Image.fromarray(array)).size == (size, size)
    flips = load_policy({"views": [[{"op": "horizontal_flip"}]]}, size=size)
    assert flips(array[..., 0]).shape == (size, size)


def test_a_crop_is_cut_from_the_original() -> None:
    """Of a picture of 2 to 1, squares of 3/4 to 4/3 leave out a third of the width, and what is
    finer than the square is averaged.
    """
    crop = {"op": "random_resized_crop", "scale": [0.9, 1.0]}
    transform = load_policy({"views": [[crop]]}, seed=0, size=16)
    ramp = torch.linspace(0, 1, 120).expand(1, 3, 60, 120)
    for _ in range(5):
        view = transform(ramp)
        assert float(view.amax() - view.amin()) < 0.72
    fine = torch.zeros(1, 3, 60, 120)
    fine[..., ::2, ::2] = fine[..., 1::2, 1::2] = 1.0
    assert float(transform(fine).std()) < 0.1


def test_crops_of_a_size_have_the_law_of_crops() -> None:
    crop = {"op": "random_resized_crop", "scale": [0.2, 1.0]}
    count = 300
    picture = smooth(1, 32, 32, seed=3)
    many = picture.repeat(count, 1, 1, 1)
    ours = load_policy({"views": [[crop]]}, seed=0, size=32)(many / 255.0)
    theirs = augment(many, parse_policy({"views": [[crop]]}).view(0), RandomStreams(0))
    for statistic in (
        lambda views: views.mean((1, 2, 3)),
        lambda views: views.std((1, 2, 3)),
        lambda views: views[..., :16].mean((1, 2, 3)),
        lambda views: views[..., :16, :].mean((1, 2, 3)),
    ):
        a, b = statistic(ours), statistic(theirs)
        error = float(((a.var() + b.var()) / count).sqrt())
        assert abs(float(a.mean() - b.mean())) <= 4.2 * error + 0.004


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_without_a_crop_squares_are_made_as_in_the_search(fit: str) -> None:
    from quarterturn.data.decode import fit_square

    picture = smooth(1, 40, 80, seed=2)[0].permute(1, 2, 0).numpy()
    view = load_policy(_searched(20, fit=fit), size=20)(Image.fromarray(picture))
    expected = np.asarray(fit_square(Image.fromarray(picture), 20, fit))  # type: ignore[arg-type]
    apart = np.abs(np.asarray(view).astype(int) - expected)
    assert apart.max() <= 5, "PIL reduces large pictures in two steps"
    assert apart.mean() < 0.7


def test_blurs_grow_with_the_picture() -> None:
    blur = {"op": "gaussian_blur", "strength": 1.0}
    images = smooth(1, 96, 96, seed=1)
    grown = load_policy(_searched(32, blur))(images / 255.0)
    three = {"op": "gaussian_blur", "strength": 3.0}
    assert torch.allclose(grown, load_policy({"views": [[three]]})(images / 255.0), atol=1e-5)
    plain = load_policy({"views": [[blur]]})(images / 255.0)
    assert torch.allclose(load_policy(_searched(32, blur), rescale=False)(images / 255.0), plain)
    assert torch.allclose(load_policy(_searched(96, blur))(images / 255.0), plain)
    nested = {"op": "one_of", "branches": [{"stages": [blur]}]}
    assert torch.allclose(load_policy(_searched(32, nested))(images / 255.0), grown, atol=1e-5)


def test_stages_before_a_crop_draw_apart_from_those_behind_it() -> None:
    noise = {"op": "gaussian_noise", "strength": 0.5}
    crop = {"op": "random_resized_crop", "scale": [1.0, 1.0], "ratio": [1.0, 1.0]}
    transform = load_policy({"views": [[noise, crop, noise]]}, seed=1, size=64)
    grey = torch.full((1, 3, 64, 64), 0.5)
    twice = float(transform(grey).std())
    once = float(load_policy({"views": [[crop, noise]]}, seed=1, size=64)(grey).std())
    assert once < twice
    assert transform(grey).shape == grey.shape


def test_pictures_are_upright_and_on_the_background_of_the_search() -> None:
    transform = load_policy({"views": [[]]})
    picture = Image.fromarray(smooth(1, 20, 40)[0].permute(1, 2, 0).numpy())
    turned = picture.copy()
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.info["exif"] = exif.tobytes()
    assert np.array_equal(transform(turned), np.asarray(ImageOps.exif_transpose(turned)))
    clear = picture.convert("RGBA")
    clear.putalpha(0)
    assert set(np.asarray(transform(clear)).ravel()) == {128}


def test_an_impossible_size_is_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_policy({"views": [[]]}, size=0)
    assert caught.value.code == "invalid_size"
