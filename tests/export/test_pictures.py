"""Exports of policies for pictures of more than 8 bits show them as the search did, or say how."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quarterturn import load_policy
from quarterturn.export import FORMATS, Options, export
from quarterturn.policy import parse_policy
from tests.data.drawn import shape01

DOCUMENT: dict[str, Any] = {
    "views": [[{"op": "horizontal_flip", "probability": 0.0}]],
    "input": {"intensity": {"low": 100, "high": 3000}, "bands": [3, 2, 1]},
}


@pytest.mark.parametrize("name", ["torchvision", "lightly"])
def test_a_file_maps_pictures_as_load_policy_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name)
    exported = export(parse_policy(DOCUMENT), name, Options(size=48))
    (tmp_path / exported.filename).write_text(exported.text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module_name = exported.filename.removesuffix(".py")
    monkeypatch.delitem(sys.modules, module_name, raising=False)
    module = __import__(module_name)
    values = np.round(shape01(1) * 4095).astype(np.uint16)
    picture = Image.fromarray(values)
    expected = np.asarray(load_policy(DOCUMENT)(picture))
    assert np.array_equal(np.asarray(module.first_view(picture)), expected)
    plain = export(parse_policy({"views": [[]]}), name, Options(size=48))
    (tmp_path / plain.filename).write_text(plain.text)
    monkeypatch.delitem(sys.modules, module_name)
    with pytest.raises(ValueError, match="map it to 8 bits"):
        __import__(module_name).first_view(picture)
    monkeypatch.delitem(sys.modules, module_name)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("json", "timm")])
def test_each_file_says_what_is_to_be_done_before(name: str) -> None:
    exported = export(parse_policy(DOCUMENT), name, Options(size=48))
    said = " ".join(item.message for item in exported.differences)
    assert "100 is black, 3000 is white" in said
    assert "Bands 3, 2, 1" in said
