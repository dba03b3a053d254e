"""Published weights: by the library's own names only, and only cached ones by default."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from core.checkpoints import catalog
from core.settings import Settings
from core.storage import storage_of
from quarterturn.errors import InvalidInputError, NotFoundError, UnavailableError
from quarterturn.models import library
from quarterturn.models.identifying import identify
from quarterturn.storage.keys import weights_key


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch; fetching anything fails the test."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(torch.hub, "download_url_to_file", never)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("torchvision", "vgg16.IMAGENET1K_V1"),
        ("torchvision", "http://host/x.pth"),
        ("torchvision", "resnet18.NONE"),
        ("timm", "vit_base_patch16_224"),
        ("timm", "../resnet18.a1_in1k"),
    ],
)
def test_only_listed_names(cache: Path, name: Any, model: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        library.published(name, model, download=True)
    assert caught.value.code == "unknown_weights"
    assert len(caught.value.fields[0]["allowed"]) > 3


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("torchvision", "resnet18"),
        ("torchvision", "mobilenet_v2"),
        ("timm", "resnet18.a1_in1k"),
        ("timm", "mobilenetv2_100.ra_in1k"),
    ],
)
def test_what_is_not_cached_is_not_fetched(
    cache: Path, name: Any, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", None)
    with pytest.raises(NotFoundError) as caught:
        library.published(name, model, download=False)
    assert caught.value.code == "weights_not_cached"


def test_a_cached_file_is_used_if_it_is_what_its_name_says(
    cache: Path, monkeypatch: pytest.MonkeyPatch, database: Settings
) -> None:
    """A file of the same form under a name that carries its own hash, as torchvision's do."""
    plain = cache / "x.pth"
    torch.save(torchvision.models.resnet18().state_dict(), plain)
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()
    name = f"resnet18-{digest[:8]}.pth"
    entry = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    monkeypatch.setattr(entry._value_, "url", f"https://nowhere.invalid/models/{name}")
    shutil.move(plain, cache / name)
    tensors, source = library.published("torchvision", "resnet18", download=False)
    assert identify(tensors).encoder == "resnet18"
    assert source["file"] == name
    checkpoint, new = catalog.from_library("torchvision", "resnet18", None, database)
    assert (checkpoint.encoder, new) == ("resnet18", True)
    assert storage_of(database).has(weights_key(checkpoint.digest))
    with (cache / name).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UnavailableError) as caught:
        library.published("torchvision", "resnet18", download=False)
    assert caught.value.code == "weights_damaged"
