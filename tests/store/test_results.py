"""Results take no lock of their job, and still the last of them moves it on: no sweep is needed."""

from __future__ import annotations

import threading

import pytest

from core.jobs import claim as trials
from core.jobs.control import cancel_job, stop_job
from core.jobs.totals import totals
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from tests.service.waiting import until
from tests.store.rows import complete, make_job, outcome, somebody_waits_for_a_row, take

_ENDS = {"stop": (stop_job, "completed"), "cancel": (cancel_job, "cancelled")}


def _job(job_id: str) -> Job:
    with session_scope() as session:
        return session.get_one(Job, job_id)


@pytest.mark.parametrize("action", list(_ENDS))
def test_a_result_during_an_end_that_still_saw_its_trial_run(
    database: Settings, action: str
) -> None:
    act, ended = _ENDS[action]
    job_id, due = make_job(database)
    first = take(database, due[0])
    with session_scope() as session:
        act(session, job_id)
        reporting = threading.Thread(target=complete, args=(first, outcome()))
        reporting.start()
        until(somebody_waits_for_a_row)
        session.expire_all()
        assert session.get_one(Trial, first.id).state == "completed"
    reporting.join()
    assert _job(job_id).state == ended


def test_of_last_results_at_once_the_job_is_concluded(database: Settings) -> None:
    job_id, due = make_job(database, seeds=3)
    while due:
        held = [take(database, trial_id) for trial_id in due]
        barrier, following = threading.Barrier(len(held)), list[str]()

        def report(
            claimed: trials.ClaimedTrial, barrier: threading.Barrier, following: list[str]
        ) -> None:
            barrier.wait()
            following += complete(claimed, outcome())

        threads = [
            threading.Thread(target=report, args=(claimed, barrier, following)) for claimed in held
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(following) == len(set(following))
        due = following
    assert _job(job_id).state == "completed"


def test_a_result_counts_once(database: Settings) -> None:
    _, due = make_job(database)
    first = take(database, due[0])
    before = _completed()
    complete(first, outcome())
    complete(first, outcome())
    assert _completed() == before + 1


def _completed() -> float:
    with session_scope() as session:
        return sum(totals(session).get("completed_trials", {}).values())
