"""A worker with a pack: what happens to one of its trials does not happen to the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from sqlalchemy import update

from core.settings import Settings, get_settings
from core.store.database import session_scope
from core.store.tables import Dataset, Job, Trial
from quarterturn.data.cache import CacheInfo
from quarterturn.pretrain.packs.stack import StackedMethod
from tests.store.rows import make_job, trial
from workers import trial as worker


@pytest.fixture
def due(
    database: Settings, animal_info: CacheInfo, library: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Eight queued trials, for a worker that takes four at once."""
    monkeypatch.setenv("QUARTERTURN_PACK", "4")
    monkeypatch.setenv("QUARTERTURN_HEARTBEAT_SECONDS", "0.02")
    get_settings.cache_clear()
    monkeypatch.setattr(worker, "dispatch", lambda ids: None)
    job_id, queued = make_job(database, iterations=4)
    with session_scope() as session:
        row = session.get_one(Dataset, session.get_one(Job, job_id).dataset_id)
        row.digest = animal_info.digest
    database.data_dir.joinpath("datasets").symlink_to(library.data_dir / "datasets")
    yield queued
    get_settings.cache_clear()


def _states(due: list[str]) -> list[str]:
    return [trial(one).state for one in due]


def test_four_are_trained_by_one_message(due: list[str]) -> None:
    worker.run(due[2])
    done = [2, 0, 1, 3]
    assert {trial(due[place]).state for place in done} == {"completed"}
    assert all(trial(due[place]).seconds for place in done)
    assert _states(due[4:]) == ["queued"] * 4
    before = [trial(one).finished_at for one in due[:4]]
    for one in due[:4]:  # their own messages come late
        worker.run(one)
    assert [trial(one).finished_at for one in due[:4]] == before


def test_one_whose_lease_is_lost_leaves_and_the_others_complete(
    due: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = worker.execute_together

    def taken_away(*arguments: Any, **named: Any) -> Iterator[Any]:
        with session_scope() as session:
            lost = update(Trial).where(Trial.id == due[1])
            session.execute(lost.values(lease_token="another", worker="another"))
        return whole(*arguments, **named)

    monkeypatch.setattr(worker, "execute_together", taken_away)
    worker.run(due[0])
    assert _states(due[:4]) == ["completed", "running", "completed", "completed"]
    assert trial(due[1]).worker == "another"


def test_out_of_memory_is_not_charged(due: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, sizes = StackedMethod.loss, []

    def loss(self: StackedMethod, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        sizes.append(len(first))
        if len(first) > 2:
            raise torch.OutOfMemoryError
        return whole(self, first, second)

    monkeypatch.setattr(StackedMethod, "loss", loss)
    worker.run(due[0])
    assert _states(due[:4]) == ["completed"] * 4
    assert {trial(one).attempt for one in due[:4]} == {1}
    assert sizes[:2] == [4, 2]
    worker.run(due[4])
    assert _states(due[4:]) == ["completed", "completed", "queued", "queued"], "it remembers"


def test_a_worker_that_ends_hands_all_back(due: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(StackedMethod, "loss", ended)
    with pytest.raises(SystemExit):
        worker.run(due[0])
    assert _states(due) == ["queued"] * 8
    assert {trial(one).attempt for one in due} == {0}
