"""Training: seeded, resumable, comparable; collapse and divergence are seen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from quarterturn.augment import RandomStreams
from quarterturn.data import DatasetCache
from quarterturn.models.encoders import build_encoder
from quarterturn.policy.recipes import BASELINES, crop_flip, none
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.collapse import is_collapsed, spread
from quarterturn.pretrain.data import load_trial_data
from quarterturn.pretrain.methods import MoCoV2, SimCLR, build_method
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial

CPU = torch.device("cpu")
SCORING = ScoringSpec(probe_train_images=60, probe_test_images=60)


def _trial(
    cache: DatasetCache,
    folder: Path,
    policy: Policy,
    *,
    until: int,
    resume: int = 0,
    seed: int = 0,
    length: int = 12,
    **pretraining: Any,
) -> Outcome:
    spec = TrialSpec(
        pretraining=PretrainingSpec(encoder="resnet_tiny", batch_size=16, **pretraining),
        scoring=SCORING,
        seed=seed,
        iterations=until,
        schedule_iterations=length,
        resume_from=resume,
    )
    return execute_trial(
        spec,
        policy,
        28,
        load_trial_data(cache, CPU),
        job="job_x",
        candidate=policy.digest[:16],
        checkpoints=CheckpointStore(FolderStorage(folder)),
        watch=lambda _: None,
    )


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(
    animal_cache: DatasetCache, tmp_path: Path, method: str
) -> None:
    policy = BASELINES["simclr"]()
    whole = _trial(animal_cache, tmp_path / "a", policy, until=12, method=method)
    _trial(animal_cache, tmp_path / "b", policy, until=5, method=method)
    resumed = _trial(animal_cache, tmp_path / "b", policy, until=12, resume=5, method=method)
    assert resumed.iterations_run == 7
    assert resumed.curve == whole.curve
    assert resumed.score == whole.score
    lost = _trial(animal_cache, tmp_path / "nothing", policy, until=12, resume=5, method=method)
    assert lost.iterations_run == 12, "without its checkpoint it starts afresh"
    assert lost.score == whole.score


def test_seeds_change_results_and_repeat_them(animal_cache: DatasetCache, tmp_path: Path) -> None:
    runs = [_trial(animal_cache, tmp_path, crop_flip(), until=6, seed=s) for s in (1, 1, 2)]
    assert runs[0].curve == runs[1].curve
    assert runs[0].curve != runs[2].curve


def test_candidates_of_a_seed_share_first_weights_and_batches(
    animal_cache: DatasetCache,
) -> None:
    data = load_trial_data(animal_cache, CPU)
    spec = PretrainingSpec(encoder="resnet_tiny")
    one, other = (trainer.start(spec, data, 28, 3) for _ in range(2))
    for a, b in zip(one.method.parameters(), other.method.parameters(), strict=True):
        assert torch.equal(a, b)
    batch = [batch_of(data.pretrain, 8, RandomStreams(3, 7)) for _ in range(2)]
    assert torch.equal(batch[0], batch[1])
    assert not torch.equal(batch[0], batch_of(data.pretrain, 8, RandomStreams(3, 8)))


def test_watch_stops_a_run(animal_cache: DatasetCache, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def watch(step: int) -> None:
        if step == 3:
            raise Stop

    data = load_trial_data(animal_cache, CPU)
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=16)
    run = trainer.start(spec, data, 28, 0)
    with pytest.raises(Stop):
        trainer.train(run, none(), data, spec, seed=0, until=9, length=9, watch=watch)
    assert run.step == 3


def test_divergence_is_an_error(animal_cache: DatasetCache, tmp_path: Path) -> None:
    with pytest.raises(trainer.DivergedError):
        _trial(animal_cache, tmp_path, none(), until=2, temperature=1e-40)


def test_simclr_loss_against_a_float64_calculation() -> None:
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=8)
    method = SimCLR(build_encoder("resnet_tiny", 28), spec, 100).eval()
    first, second = torch.randn(6, 3, 28, 28), torch.randn(6, 3, 28, 28)
    with torch.no_grad():
        loss = float(method.loss(first, second))
        outputs = torch.cat((method.project(first), method.project(second))).double()
    total = 0.0
    for i in range(12):
        weights = [math.exp(float(outputs[i] @ outputs[j]) / 0.2) for j in range(12)]
        total -= math.log(weights[(i + 6) % 12] / (sum(weights) - weights[i]))
    assert loss == pytest.approx(total / 12, rel=1e-5)


def test_moco_loss_and_queue() -> None:
    spec = PretrainingSpec(encoder="resnet_tiny", batch_size=8, method="moco_v2", momentum=0.5)
    method = build_method(spec, build_encoder("resnet_tiny", 28), images=200)
    assert isinstance(method, MoCoV2)
    assert len(method.queue) == 20, "a tenth of the images"
    assert method.ceiling == pytest.approx(math.log(21))
    method.eval()
    first, second = torch.randn(6, 3, 28, 28), torch.randn(6, 3, 28, 28)
    with torch.no_grad():
        loss = float(method.loss(first, second))
        queries = method.project(first).double()
        keys = functional.normalize(
            method.momentum_head(method.momentum_encoder(second)), dim=1
        ).double()
    total = 0.0
    for query, key in zip(queries, keys, strict=True):
        positive = math.exp(float(query @ key) / 0.2)
        negatives = sum(math.exp(float(query @ old.double()) / 0.2) for old in method.queue)
        total -= math.log(positive / (positive + negatives))
    assert loss == pytest.approx(total / 6, rel=1e-5)

    method.train()
    for _ in range(4):  # 24 keys into 20 places
        before = method.queue.clone()
        method.loss(first, second)
        changed = (method.queue != before).any(1)
        assert int(changed.sum()) == 6
    assert int(method.place) == 4


def test_the_momentum_encoder_follows_and_is_not_trained() -> None:
    spec = PretrainingSpec(encoder="resnet_tiny", method="moco_v2", momentum=0.75)
    method = build_method(spec, build_encoder("resnet_tiny", 28), images=200)
    assert isinstance(method, MoCoV2)
    assert not any(p.requires_grad for p in method.momentum_encoder.parameters())
    slow = next(method.momentum_encoder.parameters())
    online = next(method.encoder.parameters())
    before = slow.clone()
    with torch.no_grad():
        online += 1.0
    method.after_step()
    assert torch.allclose(slow, before + 0.25 * (online - before), atol=1e-6)


@pytest.mark.parametrize("name", ["resnet_small", "resnet_tiny", "conv4", "resnet18"])
@pytest.mark.parametrize("resolution", [28, 96])
def test_encoders_pool_to_their_dimension(name: str, resolution: int) -> None:
    encoder = build_encoder(name, resolution).eval()
    with torch.no_grad():
        features = encoder(torch.randn(2, 3, resolution, resolution))
    assert features.shape == (2, encoder.dimension)


def test_the_small_image_stem_ends_at_64_pixels() -> None:
    small, large = build_encoder("resnet18", 64), build_encoder("resnet18", 68)
    assert next(small.parameters()).shape == (64, 3, 3, 3)
    assert next(large.parameters()).shape == (64, 3, 7, 7)


def test_collapse_is_seen_by_spread_and_by_loss() -> None:
    healthy = torch.randn(400, 64)
    assert spread(healthy) == pytest.approx(1.0, abs=0.02)
    assert spread(torch.ones(400, 64) + 1e-3 * healthy) < 0.01
    falling = [6.0 - 0.05 * i for i in range(50)]
    assert not is_collapsed(falling, math.log(513), spread(healthy))
    assert is_collapsed(falling, math.log(513), 0.01)
    assert is_collapsed([math.log(513)] * 50, math.log(513), 1.0)
