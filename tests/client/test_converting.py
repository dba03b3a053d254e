"""Files of torch.save, converted where the user is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.embedded.stack import Stack
from quarterturn.client import Client
from quarterturn.client.converting import convert
from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state


def _state() -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    return portable_state(build_encoder("resnet_tiny", 28))


def _prefixed(prefix: str) -> dict[str, torch.Tensor]:
    head = {"head.0.weight": torch.zeros(3, 3), "queue": torch.zeros(2, 2)}
    return {**{f"{prefix}{name}": value for name, value in _state().items()}, **head}


@pytest.mark.parametrize(
    "saved",
    [
        _prefixed(""),
        {"state_dict": _prefixed("module.encoder_q."), "epoch": 3, "arch": "resnet"},
        {"model": _prefixed("module."), "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        {"state_dict": _prefixed("backbone."), "pytorch-lightning_version": "2.6"},
    ],
    ids=["plain", "moco", "model", "lightning"],
)
@pytest.mark.parametrize("suffix", [".pth", ".ckpt"])
def test_the_encoder_is_what_it_was(saved: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    torch.save(saved, path)
    found, wanted = load_file(convert(path, tmp_path)), _state()
    assert set(found) == set(wanted)
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_a_pickle_that_is_refused_says_why(tmp_path: Path) -> None:
    path = tmp_path / "weights.ckpt"
    torch.save({"state_dict": _state(), "args": argparse.Namespace(lr=0.1)}, path)
    with pytest.raises(InvalidInputError, match=r"holds argparse\.Namespace") as refused:
        convert(path, tmp_path)
    assert refused.value.code == "invalid_checkpoint"
    path.write_bytes(b"no weights")
    with pytest.raises(InvalidInputError, match=r"torch\.load|broken"):
        convert(path, tmp_path)
    torch.save({"epoch": 3}, path)
    with pytest.raises(InvalidInputError, match="no tensors"):
        convert(path, tmp_path)
    torch.save({"a.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(InvalidInputError) as other:
        convert(path, tmp_path)
    assert other.value.code == "checkpoint_does_not_fit"


def test_it_is_sent(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "moco.pth"
    torch.save({"state_dict": _prefixed("module.encoder_q.")}, path)
    with Client(stack.url) as client:
        made = client.upload_checkpoint(path)
        assert (made["name"], made["encoder"]) == ("moco", "resnet_tiny")
        torch.save(_state(), tmp_path / "plain.pth")
        assert client.upload_checkpoint(tmp_path / "plain.pth")["digest"] == made["digest"]
