"""Dashboards shared by their readers."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from core.jobs import claim as trials
from core.jobs import snapshot as snapshots
from core.jobs.control import cancel_job
from core.jobs.create import find_job
from core.jobs.pulse import Pulse
from core.jobs.snapshot import LINES, Snapshot, snapshot
from core.settings import Settings
from core.store.database import session_scope
from tests.store.rows import complete, make_job, outcome


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How often a dashboard is computed, which takes a while here."""
    calls: list[float] = []
    real = snapshots.dashboard

    def slow(*arguments: Any) -> dict[str, Any]:
        calls.append(time.monotonic())
        time.sleep(0.1)
        return real(*arguments)

    monkeypatch.setattr(snapshots, "dashboard", slow)
    return calls


def _look(job_id: str) -> Snapshot:
    with session_scope() as session:
        return snapshot(session, find_job(session, job_id))


def test_many_readers_make_one_dashboard(database: Settings, counted: list[float]) -> None:
    job_id, due = make_job(database)
    found: list[Snapshot] = []
    readers = [threading.Thread(target=lambda: found.append(_look(job_id))) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len({id(one) for one in found}) == 1
    assert (len(found), len(counted)) == (8, 1)
    with session_scope() as session:
        claimed = trials.claim(session, due[0], "w", database)
    assert claimed is not None
    complete(claimed, outcome())
    assert _look(job_id).view["state"] == "running", "a change of state is seen at once"
    with session_scope() as session:
        cancel_job(session, job_id)
    assert _look(job_id).view["state"] == "cancelled"
    assert _look(job_id).view["counts"]["queued"] == 0
    assert len(counted) == 3


def test_what_is_old_is_computed_anew(
    database: Settings, counted: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, _ = make_job(database)
    first = _look(job_id)
    assert _look(job_id) is first
    monkeypatch.setattr(time, "monotonic", lambda: time.perf_counter() + 10**9)
    assert _look(job_id) is not first


def test_pages_are_made_once_and_rankings_are_shortened() -> None:
    lines = [{"rank": rank} for rank in range(1, LINES + 31)]
    view = {"ranking": lines, "base_ranking": [], "name": "n"}
    found = Snapshot(view, Pulse("running", "now", "scored"))
    assert (len(found.view["ranking"]), found.view["ranking_left_out"]) == (LINES, 30)
    assert len(found.ranking) == LINES + 30
    made = [found.once("page", lambda n=n: b"%d" % n) for n in range(3)]  # type: ignore[misc]
    assert made == [b"0"] * 3
    assert found.once("other", lambda: b"x") == b"x"
