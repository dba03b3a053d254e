"""Trials whose worker is lost amid a rung go on from the state kept last, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from quarterturn.data import DatasetCache
from quarterturn.policy.recipes import BASELINES, none
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec, TrialSpec
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execution import execute, execute_together, forget
from quarterturn.trial.pack import PackedTrial

_JOB, _LOST_AT, _STEPS = "job_x", 7, 11
_POLICIES: list[Policy] = [BASELINES["simclr"](), BASELINES["moco_v2"](), none()]


class LostError(Exception):
    """The worker is gone."""


@pytest.fixture
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


def _spec(**fields: Any) -> TrialSpec:
    method = fields.pop("method", "moco_v2")
    values: dict[str, Any] = {
        "pretraining": PretrainingSpec(encoder="resnet_tiny", batch_size=16, method=method),
        "scoring": ScoringSpec(probe_train_images=60, probe_test_images=60),
        "seed": 1,
        "iterations": _STEPS,
        "schedule_iterations": _STEPS + 5,
        "resume_from": 0,
    }
    return TrialSpec(**{**values, **fields})


class _Watch:
    """Notes the steps, and ends the trial at one of them."""

    def __init__(self, lost_at: int | None = None) -> None:
        self.steps: list[int] = []
        self._lost_at = lost_at

    def __call__(self, step: int) -> None:
        if step == self._lost_at:
            raise LostError
        self.steps.append(step)


def _run(
    spec: TrialSpec, data: TrialData, folder: Path, watch: _Watch, keep_seconds: float | None
) -> Outcome:
    return execute(
        spec,
        _POLICIES[0],
        data,
        job=_JOB,
        candidate="c",
        storage=FolderStorage(folder),
        watch=watch,
        keep_seconds=keep_seconds,
    )


def _result(outcome: Outcome) -> tuple[Any, ...]:
    return outcome.score, outcome.metrics, outcome.losses, outcome.curve, outcome.iterations_run


def _state(folder: Path, candidate: str) -> dict[str, Any]:
    store = CheckpointStore(FolderStorage(folder))
    state = store.load(_JOB, candidate, 1, _STEPS, torch.device("cpu"))
    assert state is not None
    return state


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(_same(first[k], second[k]) for k in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return bool(first == second)


@pytest.mark.parametrize("method", ["simclr", "moco_v2"])
@pytest.mark.parametrize("resume_from", [0, 4], ids=["from scratch", "from a rung"])
def test_a_lost_trial_goes_on_where_it_was(
    data: TrialData, tmp_path: Path, method: str, resume_from: int
) -> None:
    spec = _spec(method=method, resume_from=resume_from)
    folders = tmp_path / "whole", tmp_path / "lost"
    if resume_from:
        for folder in folders:
            _run(_spec(method=method, iterations=resume_from), data, folder, _Watch(), None)
    whole = _run(spec, data, folders[0], _Watch(), None)
    with pytest.raises(LostError):
        _run(spec, data, folders[1], _Watch(_LOST_AT), 0.0)
    watch = _Watch()
    rest = _run(spec, data, folders[1], watch, 600.0)
    assert watch.steps[0] == _LOST_AT, "nothing that was kept is trained again"
    assert _result(rest) == _result(whole)
    assert rest.iterations_run == _STEPS - resume_from, "as if it had not been lost"
    assert _same(_state(folders[1], "c"), _state(folders[0], "c"))


def test_what_was_kept_is_removed_with_the_result(data: TrialData, tmp_path: Path) -> None:
    spec = _spec()
    with pytest.raises(LostError):
        _run(spec, data, tmp_path, _Watch(_LOST_AT), 0.0)
    kept = [path.name for path in tmp_path.rglob("under-way*")]
    assert len(kept) == 1
    _run(spec, data, tmp_path, _Watch(), 600.0)
    assert [path.name for path in tmp_path.rglob("under-way*")] == kept, "till it is recorded"
    forget(spec, job=_JOB, candidate="c", storage=FolderStorage(tmp_path))
    assert not list(tmp_path.rglob("under-way*"))


def test_the_fold_of_a_density_search_goes_on(data: TrialData, tmp_path: Path) -> None:
    payload = {"fold": 0, "folds": 2, "iterations": _STEPS, "images": 32, "passes": 1}
    spec = _spec(task="fold/0", payload=payload)
    whole = _run(spec, data, tmp_path / "whole", _Watch(), None)
    with pytest.raises(LostError):
        _run(spec, data, tmp_path / "lost", _Watch(_LOST_AT), 0.0)
    watch = _Watch()
    rest = _run(spec, data, tmp_path / "lost", watch, 600.0)
    assert watch.steps[0] == _LOST_AT
    assert _result(rest) == _result(whole)


def _pack(
    data: TrialData, folder: Path, watches: Sequence[_Watch], keep_seconds: float | None
) -> list[Outcome | Exception]:
    trials = [
        PackedTrial(_spec(), policy, f"c{place}", watch)
        for place, (policy, watch) in enumerate(zip(_POLICIES, watches, strict=True))
    ]
    found = dict(
        execute_together(
            trials, data, job=_JOB, storage=FolderStorage(folder), keep_seconds=keep_seconds
        )
    )
    return [found[place] for place in range(len(trials))]


def test_a_lost_pack_goes_on_where_it_was(data: TrialData, tmp_path: Path) -> None:
    """One member is lost with its lease, later the whole pack with its worker."""
    watches = [_Watch(5), _Watch(_LOST_AT), _Watch(_LOST_AT)]
    lost = _pack(data, tmp_path / "lost", watches, 0.0)
    assert all(isinstance(outcome, LostError) for outcome in lost)
    again = [_Watch() for _ in _POLICIES]
    rest = _pack(data, tmp_path / "lost", again, 600.0)
    assert [watch.steps[0] for watch in again] == [5, _LOST_AT, _LOST_AT]
    whole = _pack(data, tmp_path / "whole", [_Watch() for _ in _POLICIES], None)
    for one, other in zip(rest, whole, strict=True):
        assert isinstance(one, Outcome)
        assert isinstance(other, Outcome)
        assert one.iterations_run == other.iterations_run == _STEPS
        assert one.score == pytest.approx(other.score, abs=0.05), "packs round differently"
