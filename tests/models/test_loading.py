"""The lines that the model card gives load the file, and give the same features."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from core.jobs.encoder_card import loading
from quarterturn import load_encoder
from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from quarterturn.models.storing import save_weights


def _written(path: Path, name: str, resolution: int) -> torch.nn.Module:
    torch.manual_seed(4)
    encoder = build_encoder(name, resolution)
    metadata = {
        "architecture": name,
        "resolution": json.dumps(resolution),
        "mean": json.dumps([0.4, 0.5, 0.6]),
        "std": json.dumps([0.2, 0.3, 0.25]),
    }
    save_weights(path, portable_state(encoder), metadata)
    return encoder.eval()


@pytest.mark.parametrize(
    ("name", "resolution"), [("resnet18", 32), ("resnet18", 96), ("mobilenet_v2", 96)]
)
def test_every_block_of_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, resolution: int
) -> None:
    monkeypatch.chdir(tmp_path)
    encoder = _written(tmp_path / "encoder.safetensors", name, resolution)
    images = torch.rand(3, 3, resolution, resolution)
    mean = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)
    std = torch.tensor([0.2, 0.3, 0.25]).view(1, 3, 1, 1)
    normal = (images - mean) / std
    blocks = re.findall(r"```python\n(.*?)```", loading(name, resolution), re.DOTALL)
    assert len(blocks) == 3
    with torch.no_grad():
        expected = encoder(normal)
        for block in blocks:
            names: dict[str, Any] = {}
            exec(block, names)
            found = (
                names["encoder"](images) if "encoder" in names else names["model"].eval()(normal)
            )
            assert torch.allclose(found, expected, atol=1e-4), block


@pytest.mark.parametrize("name", ["resnet_tiny", "resnet_small", "conv4"])
def test_our_own_encoders_load_here(tmp_path: Path, name: str) -> None:
    encoder = _written(tmp_path / "e.safetensors", name, 28)
    loaded = load_encoder(tmp_path / "e.safetensors")
    assert loaded.dimension == encoder.dimension
    assert not loaded.training
    assert "no counterpart" in loading(name, 28)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        load_encoder(tmp_path / "none.safetensors")
    assert caught.value.code == "file_unreadable"
    for metadata in (None, {"architecture": "vgg"}, {"architecture": "resnet18"}):
        save_weights(tmp_path / "e.safetensors", {"a": torch.zeros(3)}, metadata)
        with pytest.raises(InvalidInputError) as caught:
            load_encoder(tmp_path / "e.safetensors")
        assert caught.value.code == "not_an_encoder"
