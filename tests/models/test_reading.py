"""Uploads run no code and cannot lie about their sizes."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.header import read_header
from quarterturn.models.naming import portable_state
from quarterturn.models.reading import read_any, read_pickle, read_safetensors
from quarterturn.models.storing import (
    WeightsUnavailableError,
    load_weights,
    save_weights,
)
from quarterturn.models.tensors import digest_of


def _file(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + text + data)
    return path


def _entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def test_a_plain_file(tmp_path: Path) -> None:
    tensors = {"a": torch.rand(2, 3), "b": torch.rand(4).half(), "n": torch.tensor(3)}
    save_file(tensors, tmp_path / "a.safetensors", {"format": "pt"})
    assert read_header(tmp_path / "a.safetensors")["b"] == ("F16", (4,))
    read = read_safetensors(tmp_path / "a.safetensors")
    assert set(read) == {"a", "b"}, "counters are no weights"
    assert torch.equal(read["a"], tensors["a"])


@pytest.mark.parametrize(
    ("header", "data", "length"),
    [
        (b"", b"", None),
        (b"{}", b"", None),
        (b"no json", b"", None),
        (b"[" * 100_000, b"", None),
        ([1], b"", None),
        ({"a": _entry()}, b"1234", 2**40),
        ({"a": _entry()}, b"1234", 2**63),
        ({"a": _entry()}, b"12", None),
        ({"a": _entry()}, b"123456", None),
        ({"a": 3}, b"1234", None),
        ({"a": _entry("U8", (4,))}, b"1234", None),
        ({"a": _entry(["F32"])}, b"1234", None),
        ({"a": _entry(shape=(-1,))}, b"1234", None),
        ({"a": _entry(shape=(1.0,))}, b"1234", None),
        ({"a": _entry(shape=(True,))}, b"1234", None),
        ({"a": _entry(shape=(2**40, 2**40), offsets=(0, 4))}, b"1234", None),
        ({"a": _entry(shape=[1] * 50)}, b"1234", None),
        ({"a": _entry(offsets=(4, 8))}, b"12345678", None),
        ({"a": _entry(), "b": _entry()}, b"1234", None),
        ({"a": _entry(offsets=(4, 0))}, b"1234", None),
        ({"x" * 500: _entry()}, b"1234", None),
        ({f"t{i}": _entry(shape=(0,), offsets=(0, 0)) for i in range(20_001)}, b"", None),
    ],
)
def test_what_lies_is_refused(tmp_path: Path, header: Any, data: bytes, length: int | None) -> None:
    path = _file(tmp_path / "lie.safetensors", header, data, length)
    with pytest.raises(InvalidInputError) as caught:
        read_safetensors(path)
    assert caught.value.code == "invalid_checkpoint"


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_pickle_runs_no_code(tmp_path: Path, save: Any) -> None:
    save({"state_dict": {"a": torch.rand(2), "b": _Evil(tmp_path / "ran")}}, tmp_path / "x.pth")
    with pytest.raises(InvalidInputError) as caught:
        read_pickle(tmp_path / "x.pth")
    assert caught.value.code == "invalid_checkpoint"
    assert not (tmp_path / "ran").exists()


def test_the_ending_says_how_a_file_is_read(tmp_path: Path) -> None:
    state = portable_state(build_encoder("resnet_tiny", 32))
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "a.pth.tar")
    save_file(state, tmp_path / "a.safetensors")
    for name in ("a.pth.tar", "a.safetensors"):
        read = read_any(tmp_path / name)
        assert digest_of(read) == digest_of(state)


def test_the_digest_is_of_the_numbers(tmp_path: Path) -> None:
    state = {"a": torch.rand(3, 2), "b": torch.rand(4)}
    digest = save_weights(tmp_path / "one.safetensors", state, {"note": "x"})
    other = save_weights(tmp_path / "two.safetensors", dict(reversed(state.items())))
    assert digest == other == load_weights(tmp_path / "one.safetensors", digest).digest
    assert digest_of({**state, "b": state["b"] + 1e-3}) != digest
    assert digest_of({**state, "a": state["a"].reshape(2, 3)}) != digest
    assert not list(tmp_path.glob(".*")), "nothing half-written stays"


def test_a_file_that_changed_is_not_started_from(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    digest = save_weights(path, {"a": torch.rand(3)})
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(WeightsUnavailableError, match="digest"):
        load_weights(path, digest)
    path.write_bytes(whole[:-2])
    with pytest.raises(WeightsUnavailableError):
        load_weights(path, digest)
    path.unlink()
    with pytest.raises(WeightsUnavailableError):
        load_weights(path, digest)
