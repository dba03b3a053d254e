"""Files of other programs are recognised, whole or not at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import timm
import torch
import torchvision
from lightly.models.utils import deactivate_requires_grad
from torch import nn

from quarterturn.errors import InvalidInputError
from quarterturn.models.encoders import build_encoder
from quarterturn.models.identifying import identify
from quarterturn.models.naming import ENCODERS, load_portable, portable_state
from quarterturn.models.reading import state_of


@pytest.fixture(scope="module")
def resnet() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(torchvision.models.resnet18().state_dict())


def _wrapped(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def _moco(state: dict[str, torch.Tensor]) -> Any:
    """As facebookresearch/moco saves it: two encoders and a queue, an MLP for `fc`."""
    query = {n: t for n, t in state.items() if not n.startswith("fc.")}
    query |= {"fc.0.weight": torch.randn(512, 512), "fc.2.weight": torch.randn(128, 512)}
    keys = {name: torch.zeros_like(tensor) for name, tensor in query.items()}
    wrapped = {
        **_wrapped(keys, "module.encoder_k."),
        **_wrapped(query, "module.encoder_q."),
        "module.queue": torch.randn(128, 64),
        "module.queue_ptr": torch.zeros(1, dtype=torch.long),
    }
    return {"epoch": 800, "arch": "resnet18", "state_dict": wrapped, "optimizer": {"state": {}}}


def _dino(state: dict[str, torch.Tensor]) -> Any:
    wrapped = _wrapped(state, "module.backbone.")
    student = {name: torch.zeros_like(tensor) for name, tensor in wrapped.items()}
    return {"student": student, "teacher": wrapped, "epoch": 3}


def _lightly(state: dict[str, torch.Tensor]) -> Any:
    """As a lightly module: the parts of a ResNet in a Sequential, beside a momentum copy."""
    network = torchvision.models.resnet18()
    network.load_state_dict(state)
    model = nn.Module()
    model.backbone = nn.Sequential(*list(network.children())[:-1])
    model.backbone_momentum = copy.deepcopy(model.backbone)
    deactivate_requires_grad(model.backbone_momentum)
    return {"state_dict": model.state_dict()}


@pytest.mark.parametrize(
    ("save", "prefix"),
    [
        (lambda s: s, ""),
        (lambda s: {"model": _wrapped(s, "module.")}, "module."),
        (lambda s: {"state_dict": _wrapped(s, "backbone.")}, "backbone."),
        (lambda s: _wrapped(s, "net.encoder.trunk."), "net.encoder.trunk."),
        (_moco, "module.encoder_q."),
        (_dino, "teacher.module.backbone."),
        (_lightly, "backbone."),
    ],
)
def test_files_of_other_programs(resnet: dict[str, torch.Tensor], save: Any, prefix: str) -> None:
    found = identify(state_of(save(resnet)))
    report = next(r for r in found.reports if r["encoder"] == "resnet18")
    assert (found.encoder, report["prefix"]) == ("resnet18", prefix)
    wanted = {
        n for n in resnet if not n.startswith("fc.") and not n.endswith("num_batches_tracked")
    }
    assert set(found.tensors) == wanted
    assert all(torch.equal(found.tensors[n], resnet[n]) for n in wanted), "not the second copy"


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_timm(name: str) -> None:
    model = timm.create_model(name, num_classes=0)
    found = identify(state_of(model.state_dict()))
    assert found.encoder == name
    assert next(r for r in found.reports if r["encoder"] == name)["unused"] == []


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
def test_timm_has_a_mobilenet_under_other_names(prefix: str) -> None:
    torch.manual_seed(3)
    model = timm.create_model("mobilenetv2_100").eval()
    found = identify(state_of(_wrapped(model.state_dict(), prefix)))
    report = next(r for r in found.reports if r["encoder"] == "mobilenet_v2")
    assert (found.encoder, report["prefix"]) == ("mobilenet_v2", prefix)
    assert report["unused"] == [f"{prefix}classifier.{part}" for part in ("bias", "weight")]
    encoder = build_encoder("mobilenet_v2", 96).eval()
    load_portable(encoder, found.tensors)
    images = torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(images), pre_logits=True)
        assert torch.allclose(encoder(images), expected, atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "module.encoder_q."])
def test_a_mobilenet_with_its_classifier(prefix: str) -> None:
    state = torchvision.models.mobilenet_v2().state_dict()
    found = identify(state_of(_wrapped(state, prefix)))
    report = next(r for r in found.reports if r["encoder"] == "mobilenet_v2")
    assert (found.encoder, report["prefix"]) == ("mobilenet_v2", prefix)
    assert report["unused"] == [f"{prefix}classifier.1.{part}" for part in ("bias", "weight")]
    assert torch.equal(found.tensors["features.18.0.weight"], state["features.18.0.weight"])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize(("size", "other"), [(32, 32), (32, 128), (128, 32)])
def test_weights_carry_over_between_resolutions(name: str, size: int, other: int) -> None:
    """Equal but for the first convolution of a network with another stem."""
    torch.manual_seed(1)
    given = portable_state(build_encoder(name, size))
    assert identify(given).encoder == name
    encoder = build_encoder(name, other)
    resized = load_portable(encoder, given)
    stems = name in ("resnet18", "resnet50") and size != other
    assert resized == (["conv1.weight"] if stems else [])
    taken = portable_state(encoder)
    assert all(torch.equal(taken[n], given[n]) for n in given if n not in resized)
    images = torch.rand(2, 3, other, other)
    assert encoder(images).shape == (2, encoder.dimension)


def test_a_resized_stem_answers_the_same_to_plain_colours() -> None:
    torch.manual_seed(2)
    given = portable_state(build_encoder("resnet18", 128))
    encoder = build_encoder("resnet18", 32)
    load_portable(encoder, given)
    small = portable_state(encoder)["conv1.weight"]
    assert small.shape == (64, 3, 3, 3)
    assert torch.allclose(small.sum((2, 3)), given["conv1.weight"].sum((2, 3)), atol=1e-5)


def test_a_grey_stem_answers_to_grey_images_as_before() -> None:
    given = portable_state(build_encoder("resnet_tiny", 32))
    given["stem.conv.weight"] = torch.randn(16, 1, 3, 3)
    assert identify(given).encoder == "resnet_tiny"
    encoder = build_encoder("resnet_tiny", 32)
    assert load_portable(encoder, given) == ["stem.conv.weight"]
    grey = torch.rand(2, 1, 8, 8)
    before = nn.functional.conv2d(grey, given["stem.conv.weight"])
    taken = portable_state(encoder)["stem.conv.weight"]
    after = nn.functional.conv2d(grey.expand(-1, 3, -1, -1), taken)
    assert torch.allclose(before, after, atol=1e-5)


def test_what_does_not_fit_is_refused_with_the_list(resnet: dict[str, torch.Tensor]) -> None:
    lacking = {n: t for n, t in state_of(resnet).items() if n != "layer3.0.conv2.weight"}
    lacking["layer1.0.conv1.weight"] = torch.zeros(7, 7)
    with pytest.raises(InvalidInputError) as caught:
        identify(lacking)
    assert caught.value.code == "checkpoint_does_not_fit"
    nearest = caught.value.fields[0]
    assert nearest["encoder"] == "resnet18"
    assert nearest["missing"] == ["layer3.0.conv2.weight"]
    assert nearest["misfits"] == [
        {"tensor": "layer1.0.conv1.weight", "from": [7, 7], "to": [64, 64, 3, 3]}
    ]
    assert {field["encoder"] for field in caught.value.fields} == set(ENCODERS)


def test_values_that_are_not_finite_are_refused(resnet: dict[str, torch.Tensor]) -> None:
    broken = {**state_of(resnet), "bn1.running_var": torch.full((64,), torch.nan)}
    with pytest.raises(InvalidInputError, match=r"bn1\.running_var"):
        identify(broken)


@pytest.mark.parametrize("prefix", ["", "module.encoder_q."])
def test_a_deeper_network_is_not_taken_for_its_first_blocks(prefix: str) -> None:
    deeper = dict(torchvision.models.resnet34().state_dict())
    with pytest.raises(InvalidInputError) as refused:
        identify(state_of(_wrapped(deeper, prefix)))
    assert refused.value.code == "checkpoint_does_not_fit"
    lines = {line["encoder"]: line for line in refused.value.fields}
    assert f"{prefix}layer3.5.conv2.weight" in lines["resnet18"]["beyond"]
    assert "deeper network" in lines["resnet18"]["message"]
