"""Warm starts: what carries over and what does not, variants, stages that are never run twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from quarterturn.data import DatasetCache
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import load_portable, portable_state
from quarterturn.models.storing import (
    WeightsUnavailableError,
    load_weights,
    save_weights,
)
from quarterturn.models.tensors import Weights, digest_of
from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain import trainer
from quarterturn.pretrain.curves import curve
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.initial import origin_of
from quarterturn.pretrain.methods import MoCoV2
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.score.features import rotation_features
from quarterturn.score.probe import rotation_probe
from quarterturn.score.untrained import _calibrate, untrained_rotation
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import score
from quarterturn.trial.execution import execute
from quarterturn.trial.keeping import execute_kept

SCORING = ScoringSpec(probe_train_images=60, probe_test_images=60)
TINY: dict[str, Any] = {"encoder": "resnet_tiny", "batch_size": 16}
WARM = {"init": {"shared_warmup": {"iterations": 6}}}


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


@pytest.fixture(scope="module")
def trained(data: TrialData) -> Weights:
    """An encoder after a few steps."""
    spec = PretrainingSpec(**TINY)
    run = trainer.start(spec, data, 28, 9)
    trainer.train(run, crop_flip(), data, spec, seed=9, until=8, length=8, watch=lambda _: None)
    tensors = portable_state(run.method.encoder)
    return Weights(tensors, digest_of(tensors))


def _trial(
    task: str = "search", seed: int = 0, iterations: int = 6, **pretraining: Any
) -> TrialSpec:
    return TrialSpec(
        pretraining=PretrainingSpec.model_validate({**TINY, **pretraining}),
        scoring=SCORING,
        seed=seed,
        iterations=iterations,
        schedule_iterations=iterations,
        task=task,
    )


def _execute(spec: TrialSpec, data: TrialData, folder: Path, **options: Any) -> Outcome:
    return execute(
        spec,
        crop_flip(),
        data,
        job="job_x",
        candidate="c",
        watch=lambda _: None,
        storage=FolderStorage(folder),
        **options,
    )


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_only_the_encoder_carries_over(data: TrialData, trained: Weights, method: Any) -> None:
    spec = PretrainingSpec(**TINY, method=method)
    cold, warm = trainer.start(spec, data, 28, 3), trainer.start(spec, data, 28, 3, trained)
    taken = portable_state(warm.method.encoder)
    assert all(torch.equal(taken[name], trained.tensors[name]) for name in taken)
    rest = {n: t for n, t in warm.method.state_dict().items() if "encoder" not in n}
    fresh = cold.method.state_dict()
    assert rest.keys()
    assert all(torch.equal(fresh[n], t) for n, t in rest.items()), "head and queue as from scratch"
    assert warm.optimizer.state_dict()["state"] == {}
    assert (warm.step, warm.losses) == (0, [])
    if isinstance(warm.method, MoCoV2):
        slow = portable_state(warm.method.momentum_encoder)
        assert all(torch.equal(slow[name], taken[name]) for name in taken)


@pytest.mark.parametrize("name", ["resnet_tiny", "conv4", "mobilenet_v2"])
def test_bn_only_trains_norms_and_head(data: TrialData, name: str) -> None:
    torch.manual_seed(5)
    tensors = portable_state(build_encoder(name, 28))
    trained = Weights(tensors, digest_of(tensors))
    spec = PretrainingSpec.model_validate(
        {**TINY, **WARM, "encoder": name, "variant": "bn_only", "method": "moco_v2"}
    )
    run = trainer.start(spec, data, 28, 3, trained)
    in_optimizer = {id(p) for group in run.optimizer.param_groups for p in group["params"]}
    norms = {
        id(p)
        for m in run.method.encoder.modules()
        if isinstance(m, torch.nn.BatchNorm2d)
        for p in m.parameters()
    }
    assert in_optimizer == norms | {id(p) for p in run.method.head.parameters()}
    trainer.train(run, crop_flip(), data, spec, seed=3, until=5, length=5, watch=lambda _: None)
    after = portable_state(run.method.encoder)
    for name, tensor in after.items():
        kernel = tensor.ndim > 1
        assert torch.equal(tensor, trained.tensors[name]) == kernel, name
    assert any("running_mean" in name for name in after), "statistics are among what moved"


def _control(run: trainer.Run, data: TrialData) -> float:
    """How well the encoder of a run, as it is, tells rotations apart."""
    _calibrate(run.method.encoder, data)
    train, test = (
        rotation_features(run.method, data, images[:60])[0]
        for images in (data.probe_train, data.probe_test)
    )
    return rotation_probe(train, test, SCORING.l2).accuracy


def test_the_control_is_what_was_started_from(data: TrialData, trained: Weights) -> None:
    """Two accuracies may be equal by chance; that of an encoder that sees nothing is a quarter."""
    spec = PretrainingSpec(**TINY)
    warm = untrained_rotation(data, spec, SCORING, 3, trained)
    assert warm == _control(trainer.start(spec, data, 28, 3, trained), data)
    assert untrained_rotation(data, spec, SCORING, 3) == _control(
        trainer.start(spec, data, 28, 3), data
    )
    blind = torch.zeros_like(trained.tensors["stem.conv.weight"])
    other = {**trained.tensors, "stem.conv.weight": blind}
    changed = Weights(other, digest_of(other))
    assert untrained_rotation(data, spec, SCORING, 3, changed) == 0.25
    assert warm > 0.3
    elsewhere = spec.model_copy(update={"variant": "bn_only"})
    assert untrained_rotation(data, elsewhere, SCORING, 3, trained) == warm


def test_the_order_of_stages() -> None:
    chain = [{"dataset_id": "a", "iterations": 3}, {"dataset_id": "b", "iterations": 3}]
    base = {"checkpoint": "ckpt_a", "digest": "0" * 64}
    init = {**base, "shared_warmup": {"iterations": 3}}

    def origin(task: str, **pretraining: Any) -> tuple[str, str]:
        found = origin_of(_trial(task, 5, **pretraining))
        return found.kind, found.name

    whole: dict[str, Any] = {"chain": chain, "init": init}
    assert origin("source/0", **whole) == ("checkpoint", "ckpt_a")
    assert origin("source/1", **whole) == ("stage", "source-0")
    assert origin("warm_up", **whole) == ("stage", "source-1")
    for task in ("search", "base", "confirmation", "final"):
        assert origin(task, **whole) == ("stage", "warm_up-5")
    assert origin("search", chain=chain) == ("stage", "source-1")
    assert origin("source/0", chain=chain) == ("scratch", "")
    assert origin("search", init=base) == ("checkpoint", "ckpt_a")
    assert origin("warm_up", **WARM) == ("scratch", "")
    assert origin("search") == ("scratch", "")


def test_a_warm_up_is_trained_once_and_started_from(data: TrialData, tmp_path: Path) -> None:
    with pytest.raises(WeightsUnavailableError):
        _execute(_trial(**WARM), data, tmp_path)
    first = _execute(_trial("warm_up", **WARM), data, tmp_path)
    assert (first.iterations_run, first.score) == (6, None)
    again = _execute(_trial("warm_up", **WARM), data, tmp_path)
    assert again.iterations_run == 0
    assert again.provenance == first.provenance
    assert first.init == {"kind": "scratch"}
    trial = _execute(_trial(**WARM), data, tmp_path)
    digest = first.weights
    assert trial.init == {"kind": "stage", "name": "warm_up-0", "digest": digest}
    kept = load_weights(tmp_path / "checkpoints" / "job_x" / "warm_up-0.safetensors", digest)
    expected = untrained_rotation(data, PretrainingSpec(**TINY), SCORING, 0, kept)
    assert trial.metrics["rotation_untrained"] == expected
    spec = PretrainingSpec(**TINY)
    run = trainer.start(spec, data, 28, 0, kept)
    trainer.train(run, crop_flip(), data, spec, seed=0, until=6, length=6, watch=lambda _: None)
    assert trial.score == score(run, data, _trial()).score, "trained from what was kept"
    cold = trainer.start(spec, data, 28, 0)
    trainer.train(cold, crop_flip(), data, spec, seed=0, until=6, length=6, watch=lambda _: None)
    assert trial.curve == curve(run.losses) != curve(cold.losses)
    other = _execute(_trial("warm_up", seed=1, **WARM), data, tmp_path)
    assert other.iterations_run == 6
    assert other.weights != digest


def test_a_stage_that_was_interrupted_goes_on(data: TrialData, tmp_path: Path) -> None:
    class Lost(Exception):
        pass

    def watch(step: int) -> None:
        if step == 104:
            raise Lost

    spec = _trial("warm_up", iterations=120, **WARM)

    def run(name: str, watch: Any, **options: Any) -> Outcome:
        storage = FolderStorage(tmp_path / name)
        return execute_kept(
            spec, crop_flip(), data, job="job_x", storage=storage, watch=watch, **options
        )

    whole = run("a", lambda _: None)
    with pytest.raises(Lost):
        run("b", watch, keep_seconds=0.0)
    seen: list[int] = []
    rest = run("b", seen.append, keep_seconds=600.0)
    assert seen[0] == 104, "from where it was"
    assert rest.iterations_run == whole.iterations_run
    assert rest.curve == whole.curve
    assert rest.provenance == whole.provenance


def test_a_source_carries_over_to_another_resolution_and_normalisation(
    data: TrialData, animal_cache: DatasetCache, tmp_path: Path
) -> None:
    """The source is trained on its own images, normalised by them, with its own method."""
    large = torch.nn.functional.interpolate(data.pretrain[:64].float(), size=(80, 80)).byte()
    source = TrialData(
        large, large, large, large, torch.full((1, 3, 1, 1), 0.9), torch.full((1, 3, 1, 1), 0.4)
    )
    chain = {"chain": [{"dataset_id": "a", "iterations": 2, "method": "moco_v2"}]}
    left = _execute(_trial("source/0", iterations=2, **chain), source, tmp_path)
    spec = PretrainingSpec(**TINY, method="moco_v2")
    run = trainer.start(spec, source, 80, 0)
    trainer.train(run, crop_flip(), source, spec, seed=0, until=2, length=2, watch=lambda _: None)
    expected = portable_state(run.method.encoder)
    assert left.weights == digest_of(expected)
    trial = _execute(_trial(**chain), data, tmp_path)
    assert (trial.init or {})["digest"] == digest_of(expected)


def test_a_checkpoint_is_checked_when_it_is_loaded(
    data: TrialData, trained: Weights, tmp_path: Path
) -> None:
    path = tmp_path / "weights" / f"{trained.digest}.safetensors"
    path.parent.mkdir()
    save_weights(path, trained.tensors)
    init = {"init": {"checkpoint": "ckpt_a", "digest": trained.digest}}
    trial = _execute(_trial(**init), data, tmp_path)
    assert (trial.init or {})["digest"] == trained.digest
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(WeightsUnavailableError):
        _execute(_trial(**init), data, tmp_path)


def test_the_final_encoder_is_of_all_images(
    animal_cache: DatasetCache, data: TrialData, tmp_path: Path
) -> None:
    whole = load_trial_data(animal_cache, torch.device("cpu"), whole=True)
    assert len(whole.pretrain) == animal_cache.info.images > len(data.pretrain)
    assert torch.equal(whole.report, data.report)
    outcome = _execute(_trial("final"), whole, tmp_path)
    assert outcome.encoder.images == animal_cache.info.images
    path = tmp_path / "encoders" / "job_x.safetensors"
    assert load_weights(path).digest == outcome.encoder.digest
    spec = PretrainingSpec(**TINY)
    run = trainer.start(spec, whole, 28, 0)
    trainer.train(run, crop_flip(), whole, spec, seed=0, until=6, length=6, watch=lambda _: None)
    assert digest_of(portable_state(run.method.encoder)) == outcome.encoder.digest
    load_portable(run.method.encoder, load_weights(path).tensors)
