"""A rung that was taken over has no state in its own job: the next goes on from the twin's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.sweeper import sweep_files
from core.jobs.claim import claim
from core.jobs.control import cancel_job
from core.jobs.retention import delete_job
from core.jobs.reuse import fingerprint
from core.settings import Settings
from core.store.database import get_engine, session_scope
from core.store.tables import Dataset, Trial
from quarterturn.data import CacheInfo, DatasetCache
from quarterturn.pretrain.data import load_trial_data
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execution import execute
from tests.store.rows import complete, make_job, outcome, trial
from workers import trial as worker

HALVING: dict[str, Any] = {
    "strategy": {"kind": "successive_halving", "candidates": 2, "rungs": 2},
    "iterations": 6,
}
RUNG = 2


def _at(job_id: str, iterations: int) -> list[str]:
    """The trials of a rung, in the order of their candidates."""
    with session_scope() as session:
        of_rung = (Trial.job_id == job_id, Trial.iterations == iterations)
        return list(session.scalars(select(Trial.id).where(*of_rung).order_by(Trial.candidate_key)))


def _end(job_id: str) -> None:
    with session_scope() as session:
        cancel_job(session, job_id)


def test_the_next_rung_goes_on_from_the_twins_state_until_it_is_deleted(
    database: Settings,
    animal_cache: DatasetCache,
    animal_info: CacheInfo,
    library: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    first, second = (make_job(database, **HALVING)[0] for _ in range(2))
    with session_scope() as session:
        for row in session.scalars(select(Dataset)):
            row.digest = animal_info.digest
    database.data_dir.joinpath("datasets").symlink_to(library.data_dir / "datasets")
    monkeypatch.setattr(worker, "dispatch", lambda ids: None)
    monkeypatch.setattr(worker, "claim_next", claim)  # this trial, not the next in fairness
    for job_id in (first, second):
        for one in _at(job_id, RUNG):
            worker.run(one)
    run = [[trial(one).iterations_run for one in _at(job_id, RUNG)] for job_id in (first, second)]
    assert run == [[RUNG] * 8, [0] * 8], "the first rung is trained for one of the two only"

    kept = database.data_dir / "checkpoints"
    one, another, *_ = _at(second, 6)
    _end(first)
    sweep_files(database)
    assert {path.name for path in kept.iterdir()} == {first}, "the second job goes on from it"
    with Session(get_engine()) as session:  # not committed
        claimed = claim(session, one, "w", database)
    assert claimed is not None
    afresh = execute(
        claimed.spec,
        claimed.policy,
        load_trial_data(animal_cache, torch.device("cpu")),
        job="none",
        candidate=claimed.candidate,
        storage=FolderStorage(tmp_path / "empty"),
        watch=lambda step: None,
    )
    worker.run(one)
    now = trial(one)
    assert (now.state, now.iterations_run, afresh.iterations_run) == ("completed", 6 - RUNG, 6)
    assert (now.score, now.curve) == (afresh.score, afresh.curve)

    with session_scope() as session:
        delete_job(session, first)
    sweep_files(database)
    assert not list(kept.glob("*/*.pt")), "of a deleted job nothing is left"
    worker.run(another)
    assert (trial(another).state, trial(another).iterations_run) == ("completed", 6)


def test_what_an_ended_job_kept_goes_with_the_last_that_needs_it(database: Settings) -> None:
    jobs = [make_job(database, **HALVING) for _ in range(2)]
    for place, (_, due) in enumerate(jobs):
        with session_scope() as session:
            claimed = claim(session, due[0], "w", database)
        assert claimed is not None
        run = 0 if place else RUNG
        known = fingerprint(claimed, "cpu")
        complete(claimed, replace(outcome(), iterations_run=run, fingerprint=known))
    kept = database.data_dir / "checkpoints" / jobs[0][0]
    kept.mkdir(parents=True)
    kept.joinpath("state.pt").touch()
    for (job_id, _), left in zip(jobs, (True, False), strict=True):
        _end(job_id)
        sweep_files(database)
        assert kept.exists() is left
