"""Leases: delivered at least once, counted exactly once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, text, update

from core import dispatch, lifecycle
from core.jobs import claim as trials
from core.jobs.advance import advance
from core.jobs.control import cancel_job
from core.jobs.sweep import sweep
from core.settings import Settings
from core.store.database import session_scope, statement_scope
from core.store.tables import Job, Trial
from core.store.transitions import transition
from tests.service.waiting import until
from tests.store.rows import complete, make_job, outcome, somebody_waits_for_a_row, take, trial


def _claim(trial_id: str, settings: Settings, worker: str = "w1") -> trials.ClaimedTrial | None:
    with session_scope() as session:
        return trials.claim(session, trial_id, worker, settings)


def _silence(trial_id: str) -> None:
    """As if the worker had not been heard of for a long time."""
    with session_scope() as session:
        session.execute(
            update(Trial)
            .where(Trial.id == trial_id)
            .values(lease_expires_at=func.now() - timedelta(seconds=1))
        )


def _sweep(settings: Settings, waiting: set[str] | None = None) -> list[str]:
    with session_scope() as session:
        return sweep(session, settings, waiting)


def test_a_second_delivery_is_dropped(database: Settings) -> None:
    _, due = make_job(database)
    assert _claim(due[0], database) is not None
    assert _claim(due[0], database, "w2") is None
    assert trial(due[0]).worker == "w1"


def test_a_claim_alone_does_not_wait_for_the_disk(database: Settings) -> None:
    _, due = make_job(database)
    show = text("SHOW synchronous_commit")
    with session_scope() as session:
        assert trials.claim(session, due[0], "w", database) is not None
        assert session.scalar(show) == "off"
    with statement_scope() as session:
        assert trials.claim(session, due[1], "w", database) is not None
        assert session.scalar(show) == "on", "what comes next over the same connection does"


def test_of_many_workers_one_gets_the_trial(database: Settings) -> None:
    _, due = make_job(database)
    got: list[trials.ClaimedTrial | None] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(_claim(due[0], database, f"w{n}")))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert sum(claimed is not None for claimed in got) == 1


def test_a_late_result_of_a_lost_lease_is_dropped(database: Settings) -> None:
    _, due = make_job(database)
    first = take(database, due[0])
    _silence(due[0])
    assert due[0] in _sweep(database)
    second = take(database, due[0], "w2")
    with session_scope() as session:
        assert trials.heartbeat(session, first, 3, database) == "lost"
    assert complete(first, outcome(0.9)) == []
    assert trial(due[0]).state == "running"
    complete(second, outcome(0.4))
    complete(second, outcome(0.8))
    assert (trial(due[0]).state, trial(due[0]).score) == ("completed", 0.4)


def test_a_heartbeat_keeps_the_lease(database: Settings) -> None:
    _, due = make_job(database)
    claimed = take(database, due[0])
    _silence(due[0])
    with session_scope() as session:
        assert trials.heartbeat(session, claimed, 2, database) == "go on"
    _sweep(database)
    assert (trial(due[0]).state, trial(due[0]).progress) == ("running", 2)


def test_a_poison_trial_stops_after_its_attempts_and_the_job_goes_on(database: Settings) -> None:
    job_id, due = make_job(database)
    for attempt in range(1, database.max_attempts + 1):
        take(database, due[0])
        assert trial(due[0]).attempt == attempt
        _silence(due[0])
        _sweep(database)
    assert (trial(due[0]).state, trial(due[0]).reason) == ("crashed", "worker_lost")
    for other in due[1:]:
        with session_scope() as session:
            claimed = trials.claim(session, other, "w", database)
        assert claimed is not None
        complete(claimed, outcome())
    with session_scope() as session:
        assert session.get_one(Job, job_id).state == "completed"


def test_who_comes_second_to_begin_a_job_has_its_trial_all_the_same(database: Settings) -> None:
    _, due = make_job(database)
    with ThreadPoolExecutor(1) as pool:
        with session_scope() as first:
            assert trials.claim(first, due[0], "one", database) is not None
            second = pool.submit(take, database, due[1], "two")
            until(somebody_waits_for_a_row, 10, period=0.02)
        assert second.result(10).id == due[1]


def test_what_is_about_to_be_sent_is_not_sent_by_the_sweeper_as_well(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, due = make_job(database)
    with session_scope() as session:
        session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
    found: list[list[str]] = []

    def send(trial_id: str, queue: str) -> None:
        with session_scope() as session:
            found.append(sweep(session, database, set(), dispatch.about_to_be_sent()))

    monkeypatch.setattr(dispatch, "send", send)
    dispatch.dispatch(due[:3])
    assert [sorted(again) for again in found] == [sorted(due[3:])] * 3
    assert dispatch.about_to_be_sent() == set()


def test_a_message_that_is_lost_is_sent_again_while_others_of_its_job_are_still_to_be_sent(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, due = make_job(database)
    found: list[list[str]] = []

    def send(trial_id: str, queue: str) -> None:
        with session_scope() as session:
            session.execute(
                update(Trial)
                .where(Trial.dispatched_at.is_not(None))
                .values(dispatched_at=func.now() - timedelta(hours=1))
            )
            found.append(sweep(session, database, set(), dispatch.about_to_be_sent()))

    monkeypatch.setattr(dispatch, "send", send)
    monkeypatch.setattr(dispatch, "_NOTED_TOGETHER", 1)
    dispatch.dispatch(due[:3])
    assert found == [[], due[:1], due[:2]]


def test_trials_without_a_message_are_sent_again(database: Settings) -> None:
    _, due = make_job(database)
    assert _sweep(database) == [], "they are young"
    with session_scope() as session:
        session.execute(update(Trial).values(created_at=func.now() - timedelta(hours=1)))
    assert sorted(_sweep(database)) == sorted(due), "never dispatched"
    with session_scope() as session:
        session.execute(update(Trial).values(dispatched_at=func.now() - timedelta(hours=1)))
    assert _sweep(database) == [], "nobody looked into the queue"
    assert _sweep(database, set(due)) == [], "they wait in the queue"
    assert _sweep(database, set(due[1:])) == due[:1], "one is lost among others"
    assert sorted(_sweep(database, set())) == sorted(due), "the queue has lost them"


def test_advancing_too_often_changes_nothing(database: Settings) -> None:
    job_id, due = make_job(database)
    with session_scope() as session:
        assert advance(session, job_id) == []
        assert advance(session, job_id) == []
        assert session.query(Trial).filter_by(job_id=job_id).count() == len(due)


def test_a_cancelled_job_keeps_no_trial_and_takes_no_result(database: Settings) -> None:
    job_id, due = make_job(database)
    claimed = take(database, due[0])
    with session_scope() as session:
        cancel_job(session, job_id)
    assert _claim(due[1], database) is None
    with session_scope() as session:
        assert trials.heartbeat(session, claimed, 1, database) == "cancelled"
        trials.stop(session, claimed, "cancelled", "The job was cancelled.")
        assert session.get_one(Job, job_id).state == "cancelled"


def test_cancelling_between_rungs_plans_nothing_more(database: Settings) -> None:
    strategy = {"kind": "successive_halving", "candidates": 2, "rungs": 2}
    job_id, due = make_job(database, strategy=strategy, iterations=9)
    for trial_id in due[:-1]:
        claimed = take(database, trial_id)
        complete(claimed, outcome())
    with session_scope() as session:
        assert cancel_job(session, job_id).state == "cancelled"
        rows = session.query(Trial).filter_by(job_id=job_id).all()
    assert len(rows) == len(due)
    assert {row.state for row in rows} == {"completed", "cancelled"}


@pytest.mark.parametrize("table", [Job, Trial])
def test_nothing_leaves_a_final_state(database: Settings, table: type[Job] | type[Trial]) -> None:
    job_id, due = make_job(database)
    row_id = job_id if table is Job else due[0]
    for state in lifecycle.final(table.__tablename__):
        with session_scope() as session:
            session.execute(update(table).where(table.id == row_id).values(state=state))
            for target in lifecycle.TABLES[table.__tablename__]:
                assert transition(session, table, target, table.id == row_id) == 0


def test_concurrent_claims_results_and_cancel_do_not_deadlock(database: Settings) -> None:
    job_id, due = make_job(database, seeds=4)
    errors: list[Exception] = []

    def work(trial_id: str) -> None:
        try:
            claimed = _claim(trial_id, database)
            if claimed is not None:
                with session_scope() as session:
                    trials.heartbeat(session, claimed, 1, database)
                complete(claimed, outcome())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(trial_id,)) for trial_id in due]
    for thread in threads:
        thread.start()
    with session_scope() as session:
        cancel_job(session, job_id)
    for thread in threads:
        thread.join()
    _sweep(database)
    assert errors == []
    with session_scope() as session:
        assert session.get_one(Job, job_id).state == "cancelled"
        states = {t.state for t in session.query(Trial).filter_by(job_id=job_id)}
    assert states <= {"completed", "cancelled"}
