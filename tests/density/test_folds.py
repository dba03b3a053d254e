"""Folds never leak: by the content of the images, not by their places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterturn.data import DatasetCache
from quarterturn.density import losses, model
from quarterturn.density.folds import fold_range, held_out, without_fold
from quarterturn.pretrain.batches import source
from quarterturn.pretrain.data import TrialData, load_trial_data
from tests.density.making import FOLDS, INVERT, contents, run_trial, trial_spec


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


@given(images=st.integers(0, 5000), folds=st.integers(2, 10))
@settings(max_examples=50, deadline=None)
def test_folds_partition_any_number_of_images(images: int, folds: int) -> None:
    ranges = [fold_range(images, fold, folds) for fold in range(folds)]
    assert [i for start, end in ranges for i in range(start, end)] == list(range(images))
    sizes = [end - start for start, end in ranges]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("folds", [2, 3, 5])
def test_a_fold_and_its_training_part_share_no_image(data: TrialData, folds: int) -> None:
    everything = contents(data.pretrain)
    assert len(set(everything)) == len(everything) > 300
    parts = []
    for fold in range(folds):
        apart = set(contents(held_out(data, fold, folds)))
        rest = set(contents(without_fold(data, fold, folds).pretrain))
        assert apart
        assert not apart & rest
        assert apart | rest == set(everything)
        parts.append(apart)
    assert sum(len(part) for part in parts) == len(everything)
    assert set().union(*parts) == set(everything)


def test_the_training_part_keeps_everything_but_its_images(data: TrialData) -> None:
    rest = without_fold(data, 1, FOLDS)
    for name in ("probe_train", "probe_test", "report", "mean", "std"):
        assert torch.equal(getattr(rest, name), getattr(data, name))


class _Seen:
    """What training, the head and the losses are given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained: set[bytes] = set()
        self.fitted: set[bytes] = set()
        self.scored: set[bytes] = set()
        self._watch(monkeypatch, source, "batch_of", self.trained)
        self._watch(monkeypatch, model, "augment", self.fitted)
        self._watch(monkeypatch, losses, "augment", self.scored)

    @staticmethod
    def _watch(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, seen: set[bytes]) -> None:
        real: Callable[..., Any] = getattr(module, name)

        def spy(images: torch.Tensor, *arguments: Any, **named: Any) -> Any:
            seen.update(contents(images))
            return real(images, *arguments, **named)

        monkeypatch.setattr(module, name, spy)


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
def test_a_fold_trains_on_the_others_and_is_scored_on_itself(
    data: TrialData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fold: int, method: str
) -> None:
    seen = _Seen(monkeypatch)
    apart = set(contents(held_out(data, fold, FOLDS)))
    rest = set(contents(data.pretrain)) - apart
    selecting = {c for part in (data.probe_test, data.report) for c in contents(part)}

    run_trial(trial_spec(f"fold/{fold}", fold, method=method), data, tmp_path)
    assert seen.trained == seen.fitted == rest
    assert seen.scored == apart

    seen.trained.clear()
    seen.scored.clear()
    spec = trial_spec(f"density/level1/0/{fold}", fold, policies=[INVERT], method=method)
    run_trial(spec, data, tmp_path)
    assert seen.trained == set(), "nothing is pretrained"
    assert seen.scored == apart
    assert not (seen.scored | rest) & selecting


def test_only_so_many_images_are_scored_as_were_asked_for(
    data: TrialData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = _Seen(monkeypatch)
    spec = trial_spec("density/level1/0/1", 1, policies=[INVERT])
    assert spec.payload is not None
    spec.payload["images"] = 9
    run_trial(spec, data, tmp_path)
    assert seen.scored == set(contents(held_out(data, 1, FOLDS)[:9]))
    assert len(seen.scored) == 9
