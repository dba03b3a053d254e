"""Of equal trials that are to run at the same time one runs, and none is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, text, update
from sqlalchemy.orm import Session

from core.jobs import claim as trials
from core.jobs.claim import ClaimedTrial
from core.jobs.control import cancel_job, pause_job, resume_job
from core.jobs.pack import claim_mates
from core.jobs.retention import delete_job
from core.jobs.reuse import fingerprint, taken_over
from core.jobs.sweep import mark_dispatched, sweep
from core.jobs.twins import TwinRunsError, is_first
from core.settings import Settings
from core.store.database import get_engine, session_scope, statement_scope
from core.store.tables import Job, Trial
from quarterturn.pretrain.outcome import Outcome
from tests.store.rows import complete, make_job, outcome, take, trial
from workers.held import HeldTrial

Twins = tuple[ClaimedTrial, str]


def _known(claimed: ClaimedTrial) -> str:
    known = fingerprint(claimed, "cpu")
    assert known is not None
    return known


def _found(claimed: ClaimedTrial) -> Outcome | None:
    with statement_scope() as session:
        return taken_over(session, claimed, _known(claimed))


def _begin(settings: Settings, trial_id: str) -> ClaimedTrial:
    """As a worker does that is sent a trial without equals."""
    claimed = take(settings, trial_id)
    assert _found(claimed) is None
    return claimed


def _wait(settings: Settings, trial_id: str) -> None:
    """As a worker does that is sent a trial whose equal runs."""
    claimed = take(settings, trial_id)
    with pytest.raises(TwinRunsError):
        _found(claimed)
    with session_scope() as session:
        assert trials.set_aside(session, claimed, _known(claimed)) == []


def _complete(settings: Settings, claimed: ClaimedTrial, score: float = 0.5) -> list[str]:
    """As a worker does that has trained it; the trials that it sends."""
    found = replace(outcome(score), fingerprint=_known(claimed))
    return HeldTrial(claimed, settings).settle(found)


def _until_one_waits() -> None:
    """Until a statement of another connection stands before a lock."""
    blocked = text(
        "select count(*) from pg_stat_activity "
        "where wait_event_type = 'Lock' and datname = current_database()"
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with session_scope() as session:
            if session.scalar(blocked):
                return
        time.sleep(0.01)
    raise AssertionError("nothing waits")


def _sweep(settings: Settings) -> list[str]:
    with session_scope() as session:
        session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
        return sweep(session, settings)


@pytest.fixture
def twins(database: Settings) -> Twins:
    """A trial that runs, and an equal one that waits for it."""
    first, second = make_job(database), make_job(database)
    with session_scope() as session:
        mark_dispatched(session, [*first[1], *second[1]])
    running = _begin(database, first[1][0])
    _wait(database, second[1][0])
    return running, second[1][0]


def test_one_that_waits_was_never_taken_and_takes_over_the_result(
    database: Settings, twins: Twins
) -> None:
    running, waiting = twins
    now = trial(waiting)
    assert (now.state, now.attempt, now.started_at, now.reason) == (
        "queued",
        0,
        None,
        "equal_trial",
    )
    assert running.id in str(now.message)
    assert waiting not in _sweep(database), "it is sent when the other has ended"
    assert waiting in _complete(database, running, 0.625)
    found = _found(take(database, waiting))
    assert found is not None
    assert (found.score, found.iterations_run) == (0.625, 0)
    assert (found.reused_from or {})["trial_id"] == running.id


def _failed(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    return trials.fail(session, claimed, "diverged", "It did.")


def _stopped(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    cancel_job(session, claimed.job_id)
    return trials.stop(session, claimed, "cancelled", "The job was cancelled.")


def _handed_back(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    return trials.hand_back(session, claimed)


def _retried(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    return trials.retry(session, claimed, "The storage does not answer.", settings)


def _crashed(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    session.execute(update(Trial).values(attempt=settings.max_attempts))
    return _lost(session, claimed, settings)


def _lost(session: Any, claimed: trials.ClaimedTrial, settings: Settings) -> list[str]:
    ago = func.now() - timedelta(seconds=1)
    session.execute(update(Trial).where(Trial.id == claimed.id).values(lease_expires_at=ago))
    session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
    return sweep(session, settings)


def _cancelled_and_lost(session: Any, claimed: ClaimedTrial, settings: Settings) -> list[str]:
    cancel_job(session, claimed.job_id)
    return _lost(session, claimed, settings)


@pytest.mark.parametrize(
    "end", [_failed, _stopped, _handed_back, _retried, _crashed, _lost, _cancelled_and_lost]
)
def test_one_whose_equal_ends_without_a_result_is_trained(
    database: Settings,
    twins: Twins,
    end: Callable[[Any, trials.ClaimedTrial, Settings], list[str]],
) -> None:
    running, waiting = twins
    with session_scope() as session:
        due = end(session, running, database)
    assert due.count(waiting) == 1
    _begin(database, waiting)
    if running.id in due:
        _wait(database, running.id)


def test_one_of_the_same_job_waits_too(database: Settings) -> None:
    first, second, *_ = make_job(database)[1]
    running = _begin(database, first)
    equal = {"candidate_key": running.candidate, "seed": running.spec.seed}
    with session_scope() as session:
        named = update(Trial).where(Trial.id == second)
        session.execute(named.values(task="confirmation", **equal))
    _wait(database, second)
    assert second in _complete(database, running)


def test_a_worker_that_dies_before_it_sends_loses_nothing(database: Settings, twins: Twins) -> None:
    running, waiting = twins
    complete(running, replace(outcome(), fingerprint=_known(running)))
    assert waiting in _sweep(database)


def test_one_whose_equal_was_deleted_is_trained(database: Settings, twins: Twins) -> None:
    running, waiting = twins
    _complete(database, running)
    with session_scope() as session:
        cancel_job(session, running.job_id)
        delete_job(session, running.job_id)
    _begin(database, waiting)


def test_of_many_at_the_same_instant_one_is_trained(database: Settings) -> None:
    claimed = [take(database, make_job(database)[1][0]) for _ in range(6)]
    together = threading.Barrier(len(claimed))

    def begin(one: ClaimedTrial) -> bool:
        together.wait()
        try:
            return _found(one) is None
        except TwinRunsError:
            return False

    with ThreadPoolExecutor(len(claimed)) as pool:
        assert sum(pool.map(begin, claimed)) == 1


@pytest.mark.parametrize("commits", [True, False])
def test_one_that_comes_before_the_other_has_committed_waits_for_it(
    database: Settings, commits: bool
) -> None:
    first, second = (take(database, make_job(database)[1][0]) for _ in range(2))
    with Session(get_engine()) as session, ThreadPoolExecutor(1) as pool:
        assert is_first(session, first.id, first.token, _known(first))
        found = pool.submit(_found, second)
        _until_one_waits()  # before the index
        session.commit() if commits else session.rollback()
        if commits:
            with pytest.raises(TwinRunsError):
                found.result()
        else:
            assert found.result() is None


def test_an_end_in_the_same_instant_is_not_missed(database: Settings) -> None:
    first, second, third = (make_job(database)[1][0] for _ in range(3))
    running = _begin(database, first)
    waits, late = take(database, second), take(database, third)
    with Session(get_engine()) as session, ThreadPoolExecutor(1) as pool:
        assert trials.set_aside(session, waits, _known(waits)) == []
        sent = pool.submit(_complete, database, running)
        _until_one_waits()  # before the row
        session.commit()
        assert second in sent.result()
    with session_scope() as session:
        assert trials.set_aside(session, late, _known(late)) == [third], "to be sent at once"
    assert trial(third).reason is None


def test_a_job_that_ends_as_its_trial_is_set_aside_ends(database: Settings) -> None:
    _begin(database, make_job(database)[1][0])
    job_id, due = make_job(database)
    waits = take(database, due[0])
    with session_scope() as session:
        cancel_job(session, job_id)
    with session_scope() as session:
        trials.set_aside(session, waits, _known(waits))
    with session_scope() as session:
        assert session.get_one(Job, job_id).state == "cancelled"
    assert trial(due[0]).state == "cancelled"


def test_a_job_that_waits_can_be_paused_and_cancelled(database: Settings, twins: Twins) -> None:
    running, waiting = twins
    job_id = trial(waiting).job_id
    with session_scope() as session:
        pause_job(session, job_id)
    _complete(database, running)
    assert waiting not in _sweep(database)
    with session_scope() as session:
        assert waiting in resume_job(session, job_id)[1]
        assert cancel_job(session, job_id).state == "cancelled"
    assert trial(waiting).state == "cancelled"


def test_the_other_job_may_be_paused_meanwhile(database: Settings, twins: Twins) -> None:
    running, waiting = twins
    with session_scope() as session:
        pause_job(session, running.job_id)
    _wait(database, waiting)
    with session_scope() as session:
        assert trials.hand_back(session, running)
    _begin(database, waiting)  # not until the other job is resumed


def test_a_budget_of_seconds_ends_the_waiting(database: Settings) -> None:
    first = make_job(database)[1][0]
    job_id, due = make_job(database, budget={"seconds": 60})
    _begin(database, due[1])
    _begin(database, first)
    _wait(database, due[0])
    assert due[0] not in _sweep(database)
    with session_scope() as session:
        hour = timedelta(hours=1)
        session.execute(update(Job).where(Job.id == job_id).values(started_at=func.now() - hour))
    assert due[0] in _sweep(database)
    taken = _begin(database, due[0])
    assert taken.seconds_left is not None
    assert taken.seconds_left < 0, "its worker stops it at the first step"


def test_of_a_pack_those_are_left_out_that_wait(database: Settings) -> None:
    first, second = make_job(database)[1], make_job(database)[1]
    _begin(database, first[2])
    _wait(database, second[2])
    leader = _begin(database, second[0])
    with statement_scope() as session:
        mates = list(claim_mates(session, leader, 4, "w", database))
    assert [mate.id for mate in mates] == [second[1], *second[3:6]]
