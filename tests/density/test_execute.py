"""Fold and density trials: rebuilt when lost, draws shared within a stream, no label anywhere."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from quarterturn.data import DatasetCache
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.search.spec import parse_search
from tests.density.making import INVERT, SOLARIZE, run_trial, trial_spec
from tests.search.play import SPECS, play


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


def _losses(data: TrialData, folder: Path, policies: list[Any], **spec: Any) -> Any:
    trial = trial_spec("density/level1/0/0", policies=policies, **spec)
    return run_trial(trial, data, folder).losses


def _checkpoint(folder: Path) -> Path:
    (found,) = folder.rglob("*.pt")
    return found


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_a_fold_whose_checkpoint_is_lost_is_made_again_with_equal_results(
    data: TrialData, tmp_path: Path, method: str
) -> None:
    base = run_trial(trial_spec("fold/0", method=method), data, tmp_path)
    assert base.pretraining_seconds > 0
    spec = trial_spec("density/level1/0/0", policies=[INVERT, SOLARIZE], method=method)
    kept = run_trial(spec, data, tmp_path)
    assert kept.pretraining_seconds == 0, "the encoder of the fold is at hand"
    _checkpoint(tmp_path).unlink()
    made_again = run_trial(spec, data, tmp_path)
    assert made_again.pretraining_seconds > 0
    assert made_again.metrics == kept.metrics
    assert run_trial(spec, data, tmp_path).pretraining_seconds == 0, "and is kept"
    assert run_trial(trial_spec("fold/0", method=method), data, tmp_path).metrics == (base.metrics)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", bytes(400), b"no checkpoint at all"])
def test_a_fold_whose_checkpoint_is_damaged_is_made_again(
    data: TrialData, tmp_path: Path, damage: bytes
) -> None:
    whole = _losses(data, tmp_path, [INVERT])
    _checkpoint(tmp_path).write_bytes(damage)
    assert _losses(data, tmp_path, [INVERT]) == whole


def test_a_density_trial_measures_each_policy_in_its_order(data: TrialData, tmp_path: Path) -> None:
    together = _losses(data, tmp_path, [INVERT, SOLARIZE])
    assert together == [*_losses(data, tmp_path, [INVERT]), *_losses(data, tmp_path, [SOLARIZE])]
    assert together[0] != together[1]
    for found in together:
        assert found.keys() == {"rotation", "infonce"}
        assert all(math.isfinite(value) for value in found.values())


def test_equal_streams_share_draws_and_others_do_not(data: TrialData, tmp_path: Path) -> None:
    search = _losses(data, tmp_path, [SOLARIZE])
    assert _losses(data, tmp_path, [INVERT, SOLARIZE])[1] == search[0]
    fresh = _losses(data, tmp_path, [SOLARIZE], stream="fresh")
    assert fresh[0]["rotation"] != search[0]["rotation"]
    assert fresh[0]["infonce"] != search[0]["infonce"]
    assert _losses(data, tmp_path, [SOLARIZE], stream="fresh") == fresh


def test_streams_of_folds_and_seeds_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    from quarterturn.density.execute import _stream_seed

    seeds = [
        _stream_seed(trial_spec("fold/0", fold, seed=seed), stream)
        for fold in range(3)
        for seed in range(3)
        for stream in ("base", "search", "fresh", "search/min_rotation")
    ]
    assert len(set(seeds)) == 36


def test_more_passes_are_the_mean_of_passes_with_draws_of_their_own(
    data: TrialData, tmp_path: Path
) -> None:
    one, two = (_losses(data, tmp_path, [SOLARIZE], passes=n)[0] for n in (1, 2))
    second = 2 * two["rotation"] - one["rotation"]
    assert second != pytest.approx(one["rotation"], rel=1e-6)
    assert second == pytest.approx(one["rotation"], rel=0.3)


def test_a_run_can_be_stopped_between_policies(data: TrialData, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    run_trial(trial_spec("fold/0", iterations=4), data, tmp_path)
    steps: list[int] = []

    def watch(step: int) -> None:
        steps.append(step)
        if len(steps) == 3:
            raise Stop

    spec = trial_spec("density/level1/0/0", iterations=4, policies=[INVERT] * 4)
    with pytest.raises(Stop):
        run_trial(spec, data, tmp_path, watch)
    assert steps == [0, 1, 2]


def test_losses_that_are_not_finite_are_an_error(data: TrialData, tmp_path: Path) -> None:
    with pytest.raises(trainer.DivergedError, match="learning rate"):
        run_trial(trial_spec("fold/0", temperature=1e-40), data, tmp_path)


def _words(value: Any) -> set[str]:
    """All keys and texts of a document."""
    if isinstance(value, dict):
        return {str(key) for key in value}.union(*(_words(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(_words(item) for item in value))
    return {value} if isinstance(value, str) else set()


@pytest.mark.parametrize("name", ["assembled", "density with tpe", "whole pipeline"])
def test_no_label_reaches_a_worker(name: str) -> None:
    """The whole of what a worker is told, and of what it has to look at."""
    fields = {
        "pretraining",
        "scoring",
        "seed",
        "iterations",
        "schedule_iterations",
        "resume_from",
        "task",
        "payload",
    }
    assert set(TrialSpec.model_fields) == fields
    assert {field.name for field in dataclasses.fields(TrialData)} == {
        "pretrain",
        "probe_train",
        "probe_test",
        "report",
        "mean",
        "std",
        "cuda_graphs",
        "reference",
        "reference_report",
    }
    payloads = [t.payload for t in play(parse_search(SPECS[name]), 0).done if t.payload]
    assert payloads
    for payload in payloads:
        document = json.loads(json.dumps(payload))
        assert set(document) <= {
            "fold",
            "folds",
            "images",
            "passes",
            "iterations",
            "policies",
            "stream",
            "parameters",
            "against_base",
        }
        told = _words(document)
        assert not any("label" in word or "class" in word or "superv" in word for word in told)
