"""Exported files in real use, with the releases installed here: what the record says, holds."""

from __future__ import annotations

import pickle

import pytest
import torch

from quarterturn.export import Options, export
from quarterturn.policy.recipes import moco_v2
from quarterturn.results.selected import SelectedPolicy
from tests.augment.images import smooth
from tests.export.libraries import module
from tests.export.matrix import record
from tests.export.use import CHECKS, FORMATS, as_tensor, run

#: What is slow is tried for each runtime, and by `python -m tests.export.matrix` for each format.
_SLOW = ("law", "workers 2", "spawn")
_RUNTIMES = ("torchvision", "kornia", "albumentations", "timm")


@pytest.mark.parametrize(
    ("name", "check"),
    [
        (name, check)
        for name in FORMATS
        for check in CHECKS
        if name in _RUNTIMES or check not in _SLOW
    ],
)
def test_a_file_does_what_the_record_says(name: str, check: str) -> None:
    said = {row["results"][check] for row in record() if row["format"] == name}
    assert len(said) == 1, "a check that differs between releases is a limit of its own"
    assert said == {run(name, check)}


def test_the_policy_of_a_notebook_can_be_pickled() -> None:
    file = SelectedPolicy(moco_v2().to_document()).torchvision(size=16)
    picture = smooth(1, 24, 40)[0]
    for thing in (file.first_view, file.two_views):
        again = pickle.loads(pickle.dumps(thing))
        with torch.random.fork_rng():
            torch.manual_seed(1)
            expected = thing(picture)
            torch.manual_seed(1)
            made = again(picture)
        for one, other in zip(
            made if isinstance(made, tuple) else [made],
            expected if isinstance(expected, tuple) else [expected],
            strict=True,
        ):
            assert torch.equal(one, other)
            assert one.shape == (3, 16, 16)
    assert pickle.loads(pickle.dumps(file)).NAME == "moco_v2"


def test_lightly_and_hugging_face_get_what_they_take() -> None:
    from PIL import Image

    picture = Image.fromarray(smooth(1, 40, 80)[0].permute(1, 2, 0).numpy())
    lightly = module(export(moco_v2(), "lightly", Options(size=24)).text)
    assert [tuple(view.shape) for view in lightly.transform(picture)] == [(3, 24, 24)] * 2
    file = module(export(moco_v2(), "huggingface").text)
    examples = {"photo": [picture, picture], "label": [1, 2]}
    made = file.PolicyTransform("photo", size=24)(examples)
    assert set(made) == {"label", "view_1", "view_2"}
    assert [tuple(view.shape) for view in made["view_1"]] == [(3, 24, 24)] * 2
    with pytest.raises(ValueError, match="no column 'image'"):
        file.transform(examples)
    spt = module(export(moco_v2(), "stable-pretraining").text)
    sample = spt.views(size=24)["view_2"]({"image": picture, "label": 1})
    assert sample["image"].shape == (3, 24, 24)
    assert sample["label"] == 1


def test_blurs_grow_with_the_pictures_of_a_file() -> None:
    from quarterturn.policy import parse_policy

    searched = {"provenance": {"dataset": {"resolution": 32}}}
    blur = {"op": "gaussian_blur", "strength": 1.0}
    three = {"op": "gaussian_blur", "strength": 3.0}
    picture = smooth(1, 96, 96, seed=1)[0]
    for name in _RUNTIMES[:3]:
        policy = parse_policy({"views": [[blur]], "selection": searched})
        grown = module(export(policy, name, Options(size=96)).text).first_view
        plain = module(export(parse_policy({"views": [[three]]}), name, Options(size=96)).text)
        given = picture.permute(1, 2, 0).numpy() if name == "albumentations" else picture / 255.0
        apart = (as_tensor(grown(given)) - as_tensor(plain.first_view(given))).abs()
        assert float(apart.max()) < 0.005, name
