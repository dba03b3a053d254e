"""The probe: exact rotations, an independent reference, the paper's SGD probe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from quarterturn.data import DatasetCache
from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.spec import PretrainingSpec
from quarterturn.score import probe
from quarterturn.score.features import rotation_features
from quarterturn.score.probe import fit_logistic, rotation_probe, standardise
from quarterturn.score.rank import rankme

CPU = torch.device("cpu")
SPEC = PretrainingSpec(encoder="resnet_tiny", batch_size=32)


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, CPU)


def test_the_four_turns_are_exact_and_counter_clockwise(data: TrialData) -> None:
    run = trainer.start(SPEC, data, 28, 0)
    images = data.probe_test[:6].clone()
    features, projections = rotation_features(run.method, data, images)
    assert features.shape == (4, 6, run.method.encoder.dimension)
    assert projections.shape == (6, SPEC.projection_dimension)
    array = images.permute(0, 2, 3, 1).numpy()
    for turn in range(4):
        turned = np.rot90(array, turn, (1, 2)).copy()
        alone, _ = rotation_features(run.method, data, torch.from_numpy(turned).permute(0, 3, 1, 2))
        assert torch.allclose(features[turn], alone[0], atol=1e-5)


def test_logistic_regression_against_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 4, (600,), generator=generator)
    centres = torch.randn(4, 10, generator=generator)
    features = centres[targets] + torch.randn(600, 10, generator=generator)
    weight, bias = fit_logistic(features, targets, 4, l2=1e-2)
    reference = LogisticRegression(C=1 / (1e-2 * 600), max_iter=5000, tol=1e-8)
    reference.fit(features.double().numpy(), targets.numpy())
    mine = (features @ weight + bias).softmax(1).numpy()
    assert np.abs(mine - reference.predict_proba(features.double().numpy())).max() < 5e-3


def _sgd_probe(train: torch.Tensor, test: torch.Tensor) -> float:
    """SelfAugment's probe: SGD, momentum 0.9, 50 epochs, lr 0.5 dropped at 10 and 20, batch 256."""
    dimension = train.shape[2]
    x, z = standardise(train.reshape(-1, dimension), test.reshape(-1, dimension))
    y = torch.arange(4).repeat_interleave(train.shape[1])
    torch.manual_seed(0)
    layer = torch.nn.Linear(dimension, 4)
    torch.nn.init.normal_(layer.weight, std=0.01)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5, momentum=0.9)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [10, 20], 0.1)
    for _ in range(50):
        for part in torch.randperm(len(x)).split(256):
            optimizer.zero_grad()
            functional.cross_entropy(layer(x[part]), y[part]).backward()
            optimizer.step()
        schedule.step()
    truth = torch.arange(4).repeat_interleave(test.shape[1])
    return float((layer(z).argmax(1) == truth).float().mean())


def test_the_ranking_agrees_with_the_papers_sgd_probe(data: TrialData) -> None:
    """Encoders of different quality: five policies, two lengths of training."""
    mine, theirs = [], []
    for name in ("none", "crop_flip", "simclr", "moco_v2", "rand_augment"):
        run = trainer.start(SPEC, data, 28, 0)
        for until in (4, 40):
            trainer.train(
                run,
                BASELINES[name](),
                data,
                SPEC,
                seed=0,
                until=until,
                length=40,
                watch=lambda _: None,
            )
            train, _ = rotation_features(run.method, data, data.probe_train)
            # Neither probe has seen these, and they are seven times as many as `probe_test` has.
            test, _ = rotation_features(run.method, data, data.pretrain)
            mine.append(rotation_probe(train, test).accuracy)
            theirs.append(_sgd_probe(train, test))
    assert stats.spearmanr(mine, theirs).statistic > 0.85
    assert np.abs(np.subtract(mine, theirs)).max() < 0.08


def test_features_without_information_score_at_chance() -> None:
    generator = torch.Generator().manual_seed(1)
    train = torch.randn(4, 300, 16, generator=generator)
    test = torch.randn(4, 300, 16, generator=generator)
    result = rotation_probe(train, test)
    assert abs(result.accuracy - 0.25) < 4 * result.sampling_error + 0.02
    assert result.cross_entropy >= np.log(4) - 0.01


def test_the_sampling_error_counts_images_not_turns() -> None:
    """Images that are right in all turns or in none: the error is that of n images, not of 4n."""
    generator = torch.Generator().manual_seed(2)
    train = torch.randn(4, 200, 4, generator=generator) * 0.01 + 10 * torch.eye(4).unsqueeze(1)
    test = train.clone()
    test[:, :100] = -test[:, :100]
    result = rotation_probe(train, test)
    share = result.accuracy
    assert result.sampling_error == pytest.approx((share * (1 - share) / 200) ** 0.5, rel=0.35)


def test_rankme_counts_the_directions_that_are_used() -> None:
    generator = torch.Generator().manual_seed(3)
    basis = torch.linalg.qr(torch.randn(64, 64, generator=generator))[0]
    for rank in (1, 5, 20):
        features = torch.linalg.qr(torch.randn(500, rank, generator=generator))[0] @ basis[:rank]
        values = torch.linalg.svdvals(features.double())
        shares = (values / values.sum()).numpy()
        assert rankme(features) == pytest.approx(np.exp(stats.entropy(shares)), rel=0.01)
        assert rankme(features) == pytest.approx(rank, rel=0.01)


def test_a_probe_is_recorded_where_that_can_be_and_else_does_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    targets = torch.arange(4).repeat(50)
    features = torch.eye(4)[targets] + torch.linspace(0, 1, 200)[:, None]
    plainly = probe.fit_logistic(features, targets, 4, 1e-2)[0]
    asked = []

    class Recorder:
        def record(self, act: Callable[[], None]) -> Callable[[], None]:
            asked.append(act)
            if len(asked) == 2:
                raise RuntimeError("cannot be captured")
            return act

    monkeypatch.setattr(probe, "recorder_of", lambda _: Recorder())
    monkeypatch.setattr(probe, "_failed", set())
    for _ in range(3):  # recorded, failing, not tried again
        assert torch.equal(probe.fit_logistic(features, targets, 4, 1e-2)[0], plainly)
    assert len(asked) == 2
    assert "cannot be captured" in caplog.text
