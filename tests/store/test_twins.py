"""Of equal trials that are to run at the same time one runs, and none is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from core.jobs import claim as trials
from core.jobs.control import cancel_job, pause_job, resume_job
from core.jobs.pack import claim_mates
from core.jobs.reuse import fingerprint
from core.jobs.sweep import mark_dispatched, sweep
from core.jobs.taking import Taken, take_up
from core.jobs.twins import TwinRunsError, set_aside
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from tests.store.rows import make_job, outcome, trial


def _take(settings: Settings, trial_id: str, worker: str = "w") -> Taken:
    with session_scope() as session:
        taken = take_up(session, trial_id, worker, settings, "cpu")
    assert taken is not None
    return taken


def _wait(settings: Settings, trial_id: str) -> None:
    """As a worker does that is sent a trial whose equal runs."""
    with pytest.raises(TwinRunsError) as twin:
        _take(settings, trial_id)
    with session_scope() as session:
        assert set_aside(session, trial_id, twin.value.fingerprint)


def _sweep(settings: Settings) -> list[str]:
    with session_scope() as session:
        session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
        return sweep(session, settings)


@pytest.fixture
def twins(database: Settings) -> tuple[Taken, str]:
    """A trial that runs, and an equal one that waits for it."""
    first, second = make_job(database), make_job(database)
    with session_scope() as session:
        mark_dispatched(session, [*first[1], *second[1]])
    running = _take(database, first[1][0])
    _wait(database, second[1][0])
    return running, second[1][0]


def test_one_that_waits_was_never_taken_and_takes_over_the_result(
    database: Settings, twins: tuple[Taken, str]
) -> None:
    running, waiting = twins
    now = trial(waiting)
    assert (now.state, now.attempt, now.started_at, now.reason) == (
        "queued", 0, None, "equal_trial",
    )  # fmt: skip
    assert running.claimed.id in str(now.message)
    with session_scope() as session:
        assert session.get_one(Job, now.job_id).state == "queued"
    assert waiting not in _sweep(database), "it is sent when the other has ended"
    with session_scope() as session:
        assert waiting in trials.complete(session, running.claimed, outcome(0.625))
    found = _take(database, waiting).found
    assert found is not None
    assert (found["score"], found["iterations_run"]) == (0.625, 0)
    assert found["provenance"]["reused_from"]["trial_id"] == running.claimed.id


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


@pytest.mark.parametrize("end", [_failed, _stopped, _handed_back, _retried, _crashed, _lost])
def test_one_whose_equal_ends_without_a_result_is_trained(
    database: Settings,
    twins: tuple[Taken, str],
    end: Callable[[Any, trials.ClaimedTrial, Settings], list[str]],
) -> None:
    running, waiting = twins
    with session_scope() as session:
        due = end(session, running.claimed, database)
    assert due.count(waiting) == 1
    assert _take(database, waiting).found is None
    if running.claimed.id in due:
        _wait(database, running.claimed.id)


def test_a_worker_that_dies_before_it_sends_loses_nothing(
    database: Settings, twins: tuple[Taken, str]
) -> None:
    running, waiting = twins
    with session_scope() as session:
        trials.complete(session, running.claimed, outcome())
    assert waiting in _sweep(database)


def test_of_two_claims_at_the_same_instant_one_waits(database: Settings) -> None:
    """Neither sees the other before it commits."""
    due = [make_job(database)[1][0] for _ in range(2)]
    refused: list[str] = []

    def second() -> None:
        try:
            _take(database, due[1])
        except TwinRunsError as twin:
            refused.append(twin.fingerprint)

    thread = threading.Thread(target=second)
    with session_scope() as session:
        taken = take_up(session, due[0], "w", database, "cpu")
        thread.start()
        time.sleep(0.2)  # it stands before the index
    thread.join()
    assert taken is not None
    assert refused == [fingerprint(taken.claimed, "cpu")]
    assert [trial(one).state for one in due] == ["running", "queued"]


def test_an_end_in_the_same_instant_is_not_missed(database: Settings) -> None:
    due = [make_job(database)[1][0] for _ in range(3)]
    running = _take(database, due[0]).claimed
    known = fingerprint(running, "cpu")
    assert known is not None
    sent: list[str] = []

    def end() -> None:
        with session_scope() as session:
            sent.extend(trials.complete(session, running, outcome()))

    thread = threading.Thread(target=end)
    with session_scope() as session:
        assert set_aside(session, due[1], known)
        thread.start()
        time.sleep(0.2)  # it stands before the row
    thread.join()
    assert due[1] in sent
    with session_scope() as session:
        assert not set_aside(session, due[2], known), "it ended before: to be sent at once"


def test_a_job_that_waits_can_be_paused_and_cancelled(
    database: Settings, twins: tuple[Taken, str]
) -> None:
    running, waiting = twins
    job_id = trial(waiting).job_id
    with session_scope() as session:
        pause_job(session, job_id)
        trials.complete(session, running.claimed, outcome())
    assert waiting not in _sweep(database)
    with session_scope() as session:
        assert waiting in resume_job(session, job_id)[1]
        assert cancel_job(session, job_id).state == "cancelled"
    assert trial(waiting).state == "cancelled"


def test_the_other_job_may_be_paused_meanwhile(
    database: Settings, twins: tuple[Taken, str]
) -> None:
    running, waiting = twins
    with session_scope() as session:
        pause_job(session, running.claimed.job_id)
    _wait(database, waiting)
    with session_scope() as session:
        assert trials.hand_back(session, running.claimed)
    assert _take(database, waiting).found is None, "not until the other job is resumed"


def test_a_budget_of_seconds_ends_the_waiting(database: Settings) -> None:
    first = make_job(database)[1][0]
    job_id, due = make_job(database, budget={"seconds": 60})
    _take(database, due[1])
    _take(database, first)
    _wait(database, due[0])
    assert due[0] not in _sweep(database)
    with session_scope() as session:
        hour = timedelta(hours=1)
        session.execute(update(Job).where(Job.id == job_id).values(started_at=func.now() - hour))
    assert due[0] in _sweep(database)
    taken = _take(database, due[0])
    assert taken.claimed.seconds_left is not None
    assert taken.claimed.seconds_left < 0, "its worker stops it at the first step"


def test_of_a_pack_those_are_left_out_whose_equals_run(database: Settings) -> None:
    first, second = make_job(database)[1], make_job(database)[1]
    _take(database, first[1])
    _take(database, first[2])
    _wait(database, second[2])
    leader = _take(database, second[0]).claimed
    with session_scope() as session:
        mates = claim_mates(session, leader, 4, "w", database, "cpu")
    assert [mate.claimed.id for mate in mates] == [second[3], second[4], second[5]]
    assert [trial(one).state for one in second[1:3]] == ["queued", "queued"]


def test_nothing_waits_where_results_are_not_reused(database: Settings) -> None:
    due = [make_job(database)[1][0] for _ in range(2)]
    alone = database.model_copy(update={"reuse_results": False})
    assert [_take(alone, one).found for one in due] == [None, None]
    assert [trial(one).fingerprint for one in due] == [None, None]
