"""The control: the encoder before training, on the images and with the probe of the score."""

from __future__ import annotations

import pytest
import torch

from quarterturn.data import DatasetCache
from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.score.features import rotation_features
from quarterturn.score.probe import rotation_probe
from quarterturn.score.untrained import _calibrate, untrained_rotation
from quarterturn.trial.execute import score

SPEC = PretrainingSpec(encoder="resnet_tiny", batch_size=16)
SCORING = ScoringSpec(probe_train_images=200, probe_test_images=150, report_images=24)


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


def test_it_is_the_probe_on_the_weights_that_a_run_starts_from(data: TrialData) -> None:
    first = []
    for seed in (5, 6):
        method = trainer.start(SPEC, data, 28, seed).method
        before = {name: tensor.clone() for name, tensor in method.named_parameters()}
        _calibrate(method.encoder, data)
        assert all(torch.equal(before[name], tensor) for name, tensor in method.named_parameters())
        train, test = (
            rotation_features(method, data, images)[0]
            for images in (data.probe_train[:200], data.probe_test[:150])
        )
        expected = rotation_probe(train, test).accuracy
        assert untrained_rotation(data, SPEC, SCORING, seed) == expected
        assert 0.25 < expected < 0.9
        first.append(next(iter(before.values())))
    assert not torch.equal(*first), "seeds have weights of their own"


def test_batch_norms_take_on_the_statistics_of_the_images(data: TrialData) -> None:
    encoder = trainer.start(SPEC, data, 28, 0).method.encoder
    _calibrate(encoder, data)
    assert not encoder.training
    images = data.normalise(data.pretrain[:128].float() / 255.0)
    norm = next(m for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d))
    seen: list[torch.Tensor] = []
    handle = norm.register_forward_hook(lambda _m, _i, out: seen.append(out.detach()))
    encoder(images)
    handle.remove()
    assert seen[0].mean((0, 2, 3)).abs().max() < 0.2
    assert (seen[0].std((0, 2, 3)) - 1).abs().max() < 0.2


def test_every_trial_records_it_whatever_it_trained(data: TrialData) -> None:
    found, weights = [], []
    for steps in (1, 4):
        run = trainer.start(SPEC, data, 28, 3)
        trainer.train(
            run, crop_flip(), data, SPEC, seed=3, until=steps, length=4, watch=lambda _: None
        )
        spec = TrialSpec(
            pretraining=SPEC, scoring=SCORING, seed=3, iterations=4, schedule_iterations=4
        )
        found.append(score(run, data, spec)["metrics"])
        weights.append(next(run.method.encoder.parameters()))
    assert not torch.equal(*weights)
    assert {m["rotation_untrained"] for m in found} == {untrained_rotation(data, SPEC, SCORING, 3)}
