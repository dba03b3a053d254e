"""Searches that compare with a reference encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from tests.local.making import small_search

NAMES = {"reference", "reference_r2", "reference_knn"}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of an encoder; what it has learnt does not matter here."""
    path = tmp_path / "elsewhere.safetensors"
    torch.manual_seed(5)
    save_file(portable_state(build_encoder("resnet_small", 32)), path)
    return path


def test_its_criteria_are_recorded_and_rank_where_asked(
    animals: Path, tmp_path: Path, weights: Path
) -> None:
    asked = {"reference": weights, "budget": "trials=3"}
    result = small_search(animals, tmp_path / "kept", criterion="reference", **asked).run()
    for trial in result.trials:
        assert trial.metrics.keys() >= NAMES
        assert trial.record.score == trial.metrics["reference"]
        assert 0.0 <= trial.metrics["reference_knn"] <= 1.0
        assert trial.record.sampling_error > 0.0
    scores = [entry.score for entry in result.conclusion.ranking if not entry.collapsed]
    assert scores == sorted(scores, reverse=True)
    selection = result.policy.document["selection"]
    assert selection["criterion"] == "reference"
    kept = selection["provenance"]["scoring"]["reference"]
    assert (kept["checkpoint"], kept["encoder"]) == ("elsewhere.safetensors", "resnet_small")
    assert len(kept["digest"]) == 64


def test_rotation_ranks_as_without_it(animals: Path, tmp_path: Path, weights: Path) -> None:
    plain = small_search(animals, tmp_path / "plain", budget="trials=2").run()
    beside = small_search(animals, tmp_path / "beside", budget="trials=2", reference=weights).run()
    for one, other in zip(plain.trials, beside.trials, strict=True):
        assert one.record.score == other.record.score
        assert not NAMES & one.metrics.keys()
        assert other.metrics.keys() >= NAMES


def test_published_weights_are_taken_by_name(
    animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tensors = portable_state(build_encoder("resnet_small", 32))
    asked: list[tuple[str, str]] = []

    def fetch(library: str, model: str, *, download: bool) -> Any:
        assert download
        asked.append((library, model))
        return tensors, {}

    monkeypatch.setattr("quarterturn.models.library.published", fetch)
    named = "torchvision:mobilenet_v2"
    result = small_search(animals, tmp_path / "kept", budget="trials=1", reference=named).run()
    assert asked == [("torchvision", "mobilenet_v2")]
    kept = result.policy.document["selection"]["provenance"]["scoring"]["reference"]
    assert kept["checkpoint"] == named
    monkeypatch.undo()
    with pytest.raises(InvalidInputError) as refused:
        small_search(animals, tmp_path / "other", reference="torchvision:resnet9000").run()
    assert refused.value.code == "unknown_weights"


def test_its_criteria_need_one(animals: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"scoring\.reference"):
        small_search(animals, criterion="reference")
    with pytest.raises(InvalidInputError) as refused:
        small_search(animals, scoring={"reference": {"checkpoint": "ckpt_1"}})
    assert refused.value.code == "needs_service"
