"""Recipes of other libraries become policies that draw what the library draws."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from typer.testing import CliRunner

from quarterturn.augment import RandomStreams, augment
from quarterturn.cli import app
from quarterturn.errors import InvalidInputError
from quarterturn.export import Options, export
from quarterturn.imports import import_policy
from quarterturn.policy import Policy
from quarterturn.policy.recipes import moco_v2, simclr
from tests.augment.images import smooth
from tests.export.laws import statistics

_SIDE, _DRAWS = 32, 300
_COMPOSED = v2.Compose(
    [
        v2.RandomResizedCrop(_SIDE, scale=(0.2, 1.0)),
        v2.RandomHorizontalFlip(),
        v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        v2.RandomGrayscale(p=0.2),
        v2.RandomApply([v2.GaussianBlur(9, (0.1, 2.0))], p=0.5),
        v2.RandomSolarize(128, p=0.2),
    ]
)


def _law(policy: Policy, library: Callable[[Image.Image], Any], allowed: float = 0.012) -> None:
    """Assert that the policy draws what the library draws of one picture."""
    picture = smooth(1, _SIDE, _SIDE, seed=5)
    shown = Image.fromarray(picture[0].permute(1, 2, 0).numpy())
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    theirs = torch.stack(
        [
            torch.from_numpy(np.array(library(shown))).permute(2, 0, 1).float() / 255.0
            for _ in range(_DRAWS)
        ]
    )
    ours = augment(picture.repeat(_DRAWS, 1, 1, 1), policy.view(0), RandomStreams(0))
    a, b = (statistics(views, picture.float() / 255.0) for views in (ours, theirs))
    error = ((a.var(0) + b.var(0)) / _DRAWS).sqrt()
    apart = (a.mean(0) - b.mean(0)).abs() - 4.2 * error
    assert bool((apart <= allowed).all()), apart


def test_a_composition_of_torchvision() -> None:
    made = import_policy(v2.Compose([_COMPOSED, v2.ToImage(), v2.Normalize([0.5], [0.5])]))
    assert [stage.op for stage in made.policy.view(0)] == [
        "random_resized_crop",
        "horizontal_flip",
        "shuffle",
        "grayscale",
        "gaussian_blur",
        "solarize",
    ]
    assert made.notes == ["ToImage is left to the training", "Normalize is left to the training"]
    _law(made.policy, _COMPOSED)


@pytest.mark.parametrize(
    "text", ["rand-m9-n2-mstd0.5-inc1", "rand-m5-n1-p0.8", "rand-m9-mstd101-inc1"]
)
def test_timm_strings(text: str) -> None:
    from timm.data.auto_augment import rand_augment_transform

    made = import_policy(text)
    stage = made.policy.view(0)[-1]
    hparams = {"translate_pct": 0.45, "img_mean": (124, 116, 104), "interpolation": 2}
    # Without SolarizeAdd, which has no counterpart, and says so.
    drawn = rand_augment_transform(text, hparams)
    for one in drawn.ops:
        if one.name == "SolarizeAdd":
            one.prob = 0.0
    _law(Policy(views=[[stage]]), drawn, allowed=0.015)
    assert any("SolarizeAdd" in note for note in made.notes)


@pytest.mark.parametrize("text", ["augmix-m5-w4", "rand-m9-z3", "v0"])
def test_other_strings_of_timm_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        import_policy(text)
    assert refused.value.code == "import_not_possible"


def test_an_exported_pipeline_of_albumentations_comes_back() -> None:
    file: dict[str, Any] = {}
    exec(export(moco_v2(), "albumentations", Options(size=_SIDE)).text, file)
    assert import_policy(file["FIRST"]).policy.digest == moco_v2().digest


def test_exported_arguments_of_lightly_train_come_back(tmp_path: Path) -> None:
    path = tmp_path / "args.json"
    path.write_text(export(simclr(), "lightly-train", Options(size=_SIDE)).text)
    assert import_policy(path).policy.digest == simclr().digest


def test_arguments_of_lightly_have_its_defaults() -> None:
    from lightly.transforms import SimCLRTransform

    made = import_policy({"cj_strength": 0.5, "min_scale": 0.2})
    theirs = SimCLRTransform(input_size=_SIDE, cj_strength=0.5, min_scale=0.2, normalize=None)

    def view(picture: Image.Image) -> Any:
        return (theirs(picture)[0].permute(1, 2, 0) * 255).round().byte().numpy()

    _law(made.policy, view)


@pytest.mark.parametrize(
    ("transform", "named"),
    [
        (v2.RandomPerspective(), "RandomPerspective"),
        (v2.ColorJitter(brightness=(0.5, 2.0)), "ColorJitter"),
        (v2.RandomRotation((0, 30)), "RandomRotation"),
        (v2.RandomApply([v2.RandomInvert(), v2.RandomEqualize()]), "RandomApply"),
    ],
)
def test_what_no_operation_does_is_refused_by_name(transform: Any, named: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        import_policy(v2.Compose([transform]))
    assert refused.value.code == "import_not_possible"
    assert named in refused.value.message


def test_the_command_reads_each_form(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.py"
    recipe.write_text(
        "from torchvision.transforms import v2\n"
        "views = v2.Compose([v2.RandomResizedCrop(8), v2.RandomHorizontalFlip()])\n"
    )
    for source in ("rand-m9-n2", f"{recipe}:views"):
        done = CliRunner().invoke(app, ["policy", "import", source, "--output", "-"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["views"]
    for source in (f"{recipe}:nothing", str(tmp_path / "none.json"), "rendaugment"):
        with pytest.raises(InvalidInputError) as refused:
            import_policy(source)
        assert refused.value.code == "unknown_recipe"
