"""Pause, resume, stop and cancel: at any moment, twice, and in a race."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.jobs import claim as trials
from core.jobs.control import cancel_job, pause_job, resume_job, stop_job
from core.jobs.sweep import sweep
from core.lifecycle import final
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from quarterturn.errors import ConflictError
from tests.service.waiting import until
from tests.store.rows import complete, make_job, outcome, somebody_waits_for_a_row, trial

ACTIONS = {"pause": pause_job, "resume": resume_job, "stop": stop_job, "cancel": cancel_job}


def _job(job_id: str) -> Job:
    with session_scope() as session:
        return session.get_one(Job, job_id)


def _claim(trial_id: str, settings: Settings) -> trials.ClaimedTrial | None:
    with session_scope() as session:
        return trials.claim(session, trial_id, "w", settings)


def _act(action: str, job_id: str) -> list[str]:
    with session_scope() as session:
        found = ACTIONS[action](session, job_id)
        return found[1] if isinstance(found, tuple) else []


def _complete(claimed: trials.ClaimedTrial | None, score: float = 0.5) -> list[str]:
    assert claimed is not None
    return complete(claimed, outcome(score))


def _silence() -> None:
    with session_scope() as session:
        past = func.now() - timedelta(hours=1)
        session.execute(update(Trial).where(Trial.state == "running").values(lease_expires_at=past))


def _sweep(settings: Settings) -> list[str]:
    with session_scope() as session:
        return sweep(session, settings, set())


def test_a_paused_job_starts_nothing_and_keeps_what_runs(database: Settings) -> None:
    job_id, due = make_job(database)
    running = _claim(due[0], database)
    _act("pause", job_id)
    _act("pause", job_id)
    assert _job(job_id).state == "paused"
    assert _claim(due[1], database) is None, "its message is dropped"
    assert _complete(running) == []
    assert (trial(due[0]).state, _job(job_id).state) == ("completed", "paused")
    with session_scope() as session:
        session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
    assert _sweep(database) == [], "nobody sends what nobody may take"
    assert sorted(_act("resume", job_id)) == sorted(due[1:])
    assert _act("resume", job_id) == []
    for trial_id in due[1:]:
        _complete(_claim(trial_id, database))
    assert _job(job_id).state == "completed"


@pytest.mark.parametrize("action", ["pause", "stop", "cancel"])
def test_a_claim_that_began_before_a_change_of_the_job_does_not_undo_it(
    database: Settings, action: str
) -> None:
    """The claim has read that the job is queued, and waits for the row as the other commits."""
    job_id, due = make_job(database)
    got: list[trials.ClaimedTrial | None] = []
    with session_scope() as session:
        ACTIONS[action](session, job_id)
        claiming = threading.Thread(target=lambda: got.append(_claim(due[0], database)))
        claiming.start()
        until(somebody_waits_for_a_row)
    claiming.join()
    assert got == [None]
    ended = {"pause": "paused", "stop": "failed", "cancel": "cancelled"}
    assert _job(job_id).state == ended[action]
    assert trial(due[0]).state == ("queued" if action == "pause" else "cancelled")


def test_a_job_paused_before_its_first_trial_is_queued_again(database: Settings) -> None:
    job_id, due = make_job(database)
    _act("pause", job_id)
    assert sorted(_act("resume", job_id)) == sorted(due)
    assert (_job(job_id).state, _job(job_id).paused_seconds) == ("queued", 0.0)


def test_the_budget_of_seconds_stands_still_in_a_pause(database: Settings) -> None:
    job_id, due = make_job(database, budget={"seconds": 1000})
    _complete(_claim(due[0], database))
    _act("pause", job_id)
    with session_scope() as session:
        session.execute(
            update(Job).values(
                started_at=func.now() - timedelta(seconds=5100),
                paused_at=func.now() - timedelta(seconds=5000),
            )
        )
    _act("resume", job_id)
    assert _job(job_id).state == "running"
    claimed = _claim(due[1], database)
    assert claimed is not None
    assert claimed.seconds_left == pytest.approx(900, abs=5)


def test_a_lost_worker_of_a_paused_job_costs_no_trial(database: Settings) -> None:
    job_id, due = make_job(database)
    _claim(due[0], database)
    _act("pause", job_id)
    _silence()
    assert _sweep(database) == []
    assert (trial(due[0]).state, _job(job_id).state) == ("queued", "paused")
    assert due[0] in _act("resume", job_id)


def test_stop_finishes_what_runs_and_selects(database: Settings) -> None:
    job_id, due = make_job(database)
    first, second = _claim(due[0], database), _claim(due[1], database)
    assert first is not None
    _complete(second, 0.6)
    _act("stop", job_id)
    _act("stop", job_id)
    assert _job(job_id).state == "stopping"
    with session_scope() as session:
        assert trials.heartbeat(session, first, 1, database) == "go on"
    assert _complete(first, 0.7) == []
    job = _job(job_id)
    assert (job.state, job.reason) == ("completed", "stopped")
    assert job.policy is not None
    assert job.policy["selection"]["provenance"]["stopped_by_request"] is True
    assert [round(entry["score"], 6) for entry in job.ranking or []] == [0.7, 0.6]
    assert {trial(t).reason for t in due[2:]} == {"stopped"}
    assert _act("stop", job_id) == []
    with pytest.raises(ConflictError):
        _act("cancel", job_id)


def test_a_job_stopped_before_anything_was_scored_has_failed(database: Settings) -> None:
    job_id, _ = make_job(database)
    _act("stop", job_id)
    job = _job(job_id)
    assert (job.state, job.reason) == ("failed", "stopped")


@pytest.mark.parametrize("action", ["stop", "cancel"])
@pytest.mark.parametrize("loss", ["silent", "handed back"])
def test_an_ending_job_does_not_wait_for_a_lost_worker(
    database: Settings, action: str, loss: str
) -> None:
    job_id, due = make_job(database)
    _complete(_claim(due[0], database))
    claimed = _claim(due[1], database)
    assert claimed is not None
    _act(action, job_id)
    if loss == "silent":
        _silence()
        _sweep(database)
    else:
        with session_scope() as session:
            assert trials.hand_back(session, claimed) == []
    assert _job(job_id).state == {"stop": "completed", "cancel": "cancelled"}[action]
    assert trial(due[1]).state == "cancelled"


@pytest.mark.parametrize("pair", list(itertools.permutations(ACTIONS, 2)), ids="-".join)
def test_actions_that_race_leave_one_clean_state(database: Settings, pair: tuple[str, str]) -> None:
    job_id, due = make_job(database)
    claimed = _claim(due[0], database)
    barrier = threading.Barrier(3)
    refused: list[str] = []

    def act(action: str) -> None:
        barrier.wait()
        try:
            _act(action, job_id)
        except ConflictError as error:
            refused.append(error.code)

    threads = [threading.Thread(target=act, args=(action,)) for action in pair]
    for thread in threads:
        thread.start()
    barrier.wait()
    _complete(claimed)
    for thread in threads:
        thread.join()
    assert set(refused) <= {"job_ending", "job_finished"}
    state = _job(job_id).state
    if {"stop", "cancel"} & set(pair):
        assert state in final("jobs")
    else:
        assert state in {"running", "paused"}
        _act("resume", job_id)
        for trial_id in due[1:]:
            _complete(_claim(trial_id, database))
        assert _job(job_id).state == "completed"
    with session_scope() as session:
        states = {row.state for row in session.query(Trial).filter_by(job_id=job_id)}
    assert states <= final("trials")
