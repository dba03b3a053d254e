"""Encoders are ranked by what they know of images, whatever they come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from typer.testing import CliRunner

from quarterturn import score_encoders
from quarterturn.cli import app
from quarterturn.errors import InvalidInputError, UnavailableError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state

_FEW = {"images_used": 150}


def thumbnail(images: torch.Tensor) -> torch.Tensor:
    """Pixels: they tell how an image is turned."""
    return functional.adaptive_avg_pool2d(images, 6).flatten(1)


def brightness(images: torch.Tensor) -> torch.Tensor:
    """One number that no turn changes."""
    return images.mean((1, 2, 3))[:, None]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files of weights of the same encoder."""
    folder = tmp_path_factory.mktemp("weights")
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        paths.append(folder / f"step-{seed}.safetensors")
        save_file(portable_state(build_encoder("resnet_tiny", 28)), paths[-1])
    return paths


def test_who_knows_up_from_down_comes_first(animals: Path, weights: list[Path]) -> None:
    given = {"blind": brightness, "pixels": thumbnail, "untrained": weights[0]}
    found = score_encoders(given, animals, **_FEW)
    assert found.criterion == "rotation"
    ranks = {entry.name: place for place, entry in enumerate(found.ranking)}
    assert ranks["pixels"] < ranks["blind"]
    blind = found.ranking[ranks["blind"]]
    assert blind.criteria["rotation"] == pytest.approx(0.25, abs=0.02)
    assert not blind.tied_with_best
    assert blind.dimension == 1
    assert found.frame().loc[1, "encoder"] == found.ranking[0].name


def test_equal_encoders_are_tied(animals: Path) -> None:
    found = score_encoders({"one": thumbnail, "other": thumbnail}, animals, **_FEW)
    assert all(entry.tied_with_best for entry in found.ranking)
    one, other = found.ranking
    assert one.criteria == other.criteria


def test_the_probe_is_that_of_scikit_learn(animals: Path) -> None:
    seen: list[torch.Tensor] = []

    def remember(images: torch.Tensor) -> torch.Tensor:
        rows = thumbnail(images)
        seen.append(rows)
        return rows

    found = score_encoders([remember], animals, **_FEW)
    counts = found.images
    rows = torch.cat(seen)
    fitted, measured = 4 * counts["fitted"], 4 * counts["measured"]
    x, z = rows[:fitted], rows[fitted : fitted + measured]
    mean, std = x.mean(0), x.std(0)
    y = torch.arange(4).repeat_interleave(counts["fitted"])
    model = LogisticRegression(C=1 / (1e-3 * fitted), max_iter=2000).fit((x - mean) / std, y)
    right = (
        model.predict((z - mean) / std)
        == torch.arange(4).repeat_interleave(counts["measured"]).numpy()
    )
    assert found.ranking[0].criteria["rotation"] == pytest.approx(right.mean(), abs=0.01)
    assert found.ranking[0].name == "remember"


def test_a_reference_finds_itself(animals: Path, weights: list[Path]) -> None:
    given = {"itself": thumbnail, "blind": brightness}
    found = score_encoders(given, animals, reference=thumbnail, **_FEW)
    assert (found.criterion, found.reference) == ("reference", "thumbnail")
    first, last = found.ranking
    assert first.name == "itself"
    assert first.criteria["reference_knn"] == 1.0
    assert last.criteria["reference"] < first.criteria["reference"]


def test_on_the_command_line(animals: Path, weights: list[Path], tmp_path: Path) -> None:
    page, numbers = tmp_path / "scores.html", tmp_path / "scores.json"
    asked = ["score", *map(str, weights), str(animals), "--images", "150"]
    done = CliRunner().invoke(app, [*asked, "--output", str(page)])
    assert done.exit_code == 0, (done.output, done.exception)
    for path in weights:
        assert path.name in done.output
        assert path.name in page.read_text()
    done = CliRunner().invoke(app, [*asked, "--json", "--output", str(numbers)])
    assert json.loads(done.stdout) == json.loads(numbers.read_text())


def test_what_is_no_encoder_is_refused(animals: Path, tmp_path: Path) -> None:
    wrong = {
        "a row too few": lambda images: thumbnail(images)[1:],
        "not finite": lambda images: thumbnail(images) / 0.0,
        "no tensor": lambda images: [1.0],
        "cannot": lambda images: images @ images[0, 0, :3],
    }
    for encoder in wrong.values():
        with pytest.raises(InvalidInputError) as refused:
            score_encoders([encoder], animals, **_FEW)
        assert refused.value.code == "invalid_encoder"
    with pytest.raises(InvalidInputError) as refused:
        score_encoders([tmp_path / "none.pth"], animals, **_FEW)
    assert refused.value.code == "path_not_found"
    with pytest.raises(InvalidInputError) as refused:
        score_encoders([], animals)
    assert refused.value.code == "invalid_encoder"
    with pytest.raises(InvalidInputError) as refused:
        score_encoders([thumbnail], animals, criterion="reference", **_FEW)
    assert refused.value.code == "unknown_criterion"
    with pytest.raises(UnavailableError) as gone:
        score_encoders(["torchvision:no_such_network"], animals, **_FEW)
    assert gone.value.code == "weights_unreachable"


def test_images_must_be_enough(animals: Path) -> None:
    few = torch.rand(120, 28, 28).numpy()
    with pytest.raises(InvalidInputError) as refused:
        score_encoders([thumbnail], few)
    assert refused.value.code == "too_few_images"
