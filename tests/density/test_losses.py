"""The losses of a policy: against float64 numpy, means of sub-policies, the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.data import DatasetCache
from quarterturn.density.folds import held_out
from quarterturn.density.losses import policy_losses
from quarterturn.density.model import FoldModel, pretrain
from quarterturn.policy.recipes import crop_flip
from quarterturn.policy.schema import Policy, Stage
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.score.features import encode
from quarterturn.score.probe import fit_head
from tests.density.making import FOLDS, trial_spec

SEED = 5


@pytest.fixture(scope="module", autouse=True)
def _exact() -> Iterator[None]:
    """The references are exact: no bf16, on CPUs that are fast at it. So is the model that all of
    them measure with, or it would be another one there.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("quarterturn.pretrain.hardware.has_fast_bfloat16", lambda device: False)
        yield


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


@pytest.fixture(scope="module")
def model(data: TrialData) -> FoldModel:
    """The encoder of a fold after a little training."""
    spec = trial_spec("fold/0", iterations=60)
    return pretrain(spec, crop_flip(), data, 28, lambda _: None)


@pytest.fixture(scope="module")
def images(data: TrialData) -> torch.Tensor:
    return held_out(data, 0, FOLDS)


def _stages(*prefix: dict[str, Any]) -> list[Stage]:
    return [*Policy.model_validate({"views": [list(prefix)]}).view(0), *crop_flip().view(0)]


def _softmax_loss(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Cross-entropy of each row, in float64."""
    assert logits.dtype == np.float64
    shifted = logits - logits.max(1, keepdims=True)
    log = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return np.asarray(-log[np.arange(len(log)), targets])


def _features(model: FoldModel, data: TrialData, views: np.ndarray) -> tuple[np.ndarray, ...]:
    """Features and projections of float views, without autocast."""
    model.method.eval()
    mean, std = data.mean.numpy(), data.std.numpy()
    normal = torch.from_numpy(((views - mean) / std).astype(np.float32))
    with torch.no_grad():
        features = model.method.encoder(normal)
        outputs = model.method.head(features).double().numpy()
    normalised = outputs / np.linalg.norm(outputs, axis=1, keepdims=True)
    return features.double().numpy(), normalised


def _rotation(model: FoldModel, data: TrialData, views: np.ndarray) -> np.ndarray:
    """The mean cross-entropy over four turns, of each view."""
    head = model.head
    weight, bias, mean, scale = (
        getattr(head, name).double().numpy() for name in ("weight", "bias", "mean", "scale")
    )
    found = []
    for turn in range(4):
        turned = np.rot90(views, turn, (2, 3)).copy()
        logits = (_features(model, data, turned)[0] - mean) / scale @ weight + bias
        found.append(_softmax_loss(logits, np.full(len(views), turn)))
    return np.asarray(np.mean(found, axis=0))


@pytest.mark.parametrize("against_base", [False, True])
def test_both_losses_against_float64(
    model: FoldModel, data: TrialData, images: torch.Tensor, against_base: bool
) -> None:
    stages = _stages({"op": "brightness", "strength": [0.0, 0.8]})
    other = _stages() if against_base else stages
    few = images[:40]
    found = policy_losses(
        model, data, few, stages, second=other if against_base else None, seed=SEED, passes=2
    )
    rotation, infonce = [], []
    negatives = model.negatives.double().numpy()
    for number in range(2):
        draws = RandomStreams(SEED, number)
        first, second = (
            augment(few, chosen, draws, view=view).numpy()
            for view, chosen in enumerate((stages, other))
        )
        assert not np.array_equal(first, second)
        rotation.append(_rotation(model, data, first).mean())
        queries, keys = (_features(model, data, view)[1] for view in (first, second))
        positive = (queries * keys).sum(1, keepdims=True)
        logits = np.concatenate((positive, queries @ negatives.T), 1) / model.temperature
        infonce.append(_softmax_loss(logits, np.zeros(len(few), dtype=int)).mean())
    assert found.keys() == {"rotation", "infonce"}
    assert found["rotation"] == pytest.approx(np.mean(rotation), rel=2e-3)
    assert found["infonce"] == pytest.approx(np.mean(infonce), rel=2e-3)


def test_the_negatives_are_views_of_the_training_part(model: FoldModel, data: TrialData) -> None:
    """As many as there are images to train on, normalised, and not collapsed to one."""
    expected = len(data.pretrain) - len(held_out(data, 0, FOLDS))
    assert model.negatives.shape[0] == expected
    norms = model.negatives.norm(dim=1)
    assert torch.allclose(norms, torch.ones_like(norms), atol=1e-5)
    assert float(model.negatives.std(0).mean()) > 0.01


def test_measuring_changes_nothing_in_the_model(
    model: FoldModel, data: TrialData, images: torch.Tensor
) -> None:
    """No running statistics, no queue, no momentum encoder moves while candidates are scored."""
    model.method.train()
    before = {name: value.clone() for name, value in model.method.state_dict().items()}
    first = policy_losses(model, data, images, _stages(), seed=SEED, passes=1)
    policy_losses(model, data, images, _stages({"op": "invert"}), seed=SEED, passes=1)
    for name, value in model.method.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert policy_losses(model, data, images, _stages(), seed=SEED, passes=1) == first


def test_the_rotation_loss_of_a_policy_is_the_mean_of_its_sub_policies(
    model: FoldModel, data: TrialData, images: torch.Tensor
) -> None:
    """What assembling rests on. The error of the policy's loss comes from which image draws which
    sub-policy; it is worked out from the losses of single images.
    """
    subs: list[list[dict[str, Any]]] = [
        [],
        [{"op": "invert"}],
        [{"op": "translate_x", "strength": 0.45}, {"op": "solarize", "strength": 0.5}],
        [{"op": "rotate", "strength": 120}],
    ]
    passes = 4

    def one_of(*branches: list[dict[str, Any]]) -> list[Stage]:
        return _stages({"op": "one_of", "branches": [{"stages": list(b)} for b in branches]})

    alone = [
        policy_losses(model, data, images, one_of(sub), seed=SEED, passes=passes)["rotation"]
        for sub in subs
    ]
    whole = policy_losses(model, data, images, one_of(*subs), seed=SEED, passes=passes)["rotation"]
    table = np.array(
        [
            _rotation(model, data, augment(images, one_of(sub), RandomStreams(SEED, 0)).numpy())
            for sub in subs
        ]
    )
    error = float(np.sqrt(table.var(0).mean() / (len(images) * passes)))
    assert abs(whole - np.mean(alone)) < 4 * error
    assert max(alone) - min(alone) > 12 * error, "the check can tell sub-policies apart"


def test_the_identity_costs_less_than_destruction(
    model: FoldModel, data: TrialData, images: torch.Tensor
) -> None:
    """Each view destroyed in its own way: inverted or not, moved half out, covered."""
    destructive = _stages(
        {"op": "invert", "probability": 0.5},
        {"op": "translate_x", "strength": [0.3, 0.6]},
        {"op": "cutout", "strength": 0.6},
        {"op": "gaussian_noise", "strength": [0.0, 0.5]},
    )
    spared = policy_losses(model, data, images, _stages(), seed=SEED, passes=4)
    destroyed = policy_losses(model, data, images, destructive, seed=SEED, passes=4)
    assert spared["rotation"] < np.log(4), "the head has learnt something"
    assert spared["rotation"] < destroyed["rotation"] - 0.05
    assert spared["infonce"] < destroyed["infonce"] - 0.05


def test_the_oracle_needs_labels_and_a_head(
    model: FoldModel, data: TrialData, images: torch.Tensor
) -> None:
    stages = _stages()
    brightness = images.float().mean((1, 2, 3))
    labels = (brightness > brightness.median()).long()
    features, _ = encode(model.method, data, images.float() / 255.0)
    head = fit_head(features, labels, 2, 1e-2)
    plain = policy_losses(model, data, images, stages, seed=SEED, passes=1)
    assert "supervised" not in plain
    half = policy_losses(model, data, images, stages, seed=SEED, passes=1, labels=labels)
    assert "supervised" not in half
    found = policy_losses(
        model, data, images, stages, seed=SEED, passes=1, labels=labels, label_head=head
    )
    assert {name: found[name] for name in plain} == plain, "labels change nothing else"
    first = augment(images, stages, RandomStreams(SEED, 0), view=0).numpy()
    seen = _features(model, data, first)[0]
    logits = (seen - head.mean.double().numpy()) / head.scale.double().numpy()
    logits = logits @ head.weight.double().numpy() + head.bias.double().numpy()
    expected = _softmax_loss(logits, labels.numpy()).mean()
    assert found["supervised"] == pytest.approx(expected, rel=2e-3)
