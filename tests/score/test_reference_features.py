"""Features of a reference: computed once, never those of other images or of another encoder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from quarterturn.data import DatasetCache, open_cache
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from quarterturn.models.tensors import Weights, digest_of
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.score import reference_features
from quarterturn.score.reference import ReferenceTarget, reference_criteria
from quarterturn.score.reference_features import encode_images, load_reference
from tests.data.copies import copy_of

CPU = torch.device("cpu")
SPEC = ReferenceSpec(checkpoint="ckpt", encoder="resnet_tiny", resolution=32, images=300)


def _weights(seed: int) -> Weights:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tensors = portable_state(build_encoder("resnet_tiny", 32))
    return Weights(tensors, digest_of(tensors))


@pytest.fixture
def folder(animal_folder: Path, tmp_path: Path) -> Path:
    """The decoded images, in a folder that nobody else writes to."""
    return copy_of(animal_folder, tmp_path / "images")


def _features(folder: Path, spec: ReferenceSpec, weights: Weights) -> torch.Tensor:
    return load_reference(folder, open_cache(folder), spec, weights, CPU)["pretrain"].features


def test_they_are_those_of_the_first_images(folder: Path) -> None:
    weights = _weights(0)
    cache: DatasetCache = open_cache(folder)
    images = torch.from_numpy(cache.split("pretrain")[:300].copy()).permute(0, 3, 1, 2)
    expected = encode_images(SPEC, weights, images, CPU)
    torch.testing.assert_close(_features(folder, SPEC, weights), expected.half().float())


def test_they_are_computed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _features(folder, SPEC, _weights(0))

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(reference_features, "encode_images", never)
    assert torch.equal(_features(folder, SPEC, _weights(0)), first)


def test_another_encoder_or_size_has_its_own(folder: Path) -> None:
    computed = []
    for spec, weights in (
        (SPEC, _weights(0)),
        (SPEC, _weights(1)),
        (SPEC.model_copy(update={"resolution": 48}), _weights(0)),
        (SPEC.model_copy(update={"images": 200}), _weights(0)),
    ):
        features = _features(folder, spec, weights)
        images = torch.from_numpy(open_cache(folder).split("pretrain")[: spec.images].copy())
        expected = encode_images(spec, weights, images.permute(0, 3, 1, 2), CPU)
        torch.testing.assert_close(features, expected.half().float())
        computed.append(len(list((folder / "references").glob("*.safetensors"))))
    assert computed == [1, 2, 3, 4]


def test_a_target_scores_as_the_plain_functions_do() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(400, 12, generator=generator)
    r = torch.cat([z @ torch.randn(12, 70, generator=generator), torch.randn(400, 9)], 1)
    expected = reference_criteria(z, r)
    scores = ReferenceTarget.of(r).score(z)
    assert scores["reference"] == pytest.approx(expected["r2w"], abs=1e-4)
    assert scores["reference_r2"] == pytest.approx(expected["r2"], abs=1e-4)
    assert scores["reference_knn"] == pytest.approx(expected["knn"], abs=1e-3)
