"""What a heartbeat writes, and attempts that the storage ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from core.jobs import claim as trials
from core.jobs.control import pause_job
from core.settings import Settings
from core.store.database import get_engine, session_scope
from tests.store.rows import make_job, take, trial
from workers.heartbeat import Heartbeat
from workers.log_tail import LogTail


@pytest.fixture
def written(database: Settings) -> Iterator[list[bool]]:
    """For each renewal of a lease: whether it wrote the log."""
    found: list[bool] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("UPDATE trials SET") and "heartbeat_at" in statement:
            found.append("log_tail" in statement.partition("WHERE")[0])

    event.listen(get_engine(), "before_cursor_execute", note)
    yield found
    event.remove(get_engine(), "before_cursor_execute", note)


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_log_is_sent_when_something_was_logged(database: Settings, written: list[bool]) -> None:
    settings = database.model_copy(update={"heartbeat_seconds": 0.02})
    _, due = make_job(database)
    claimed = take(settings, due[0])
    written.clear()
    logger = logging.getLogger("tests.heartbeats")
    with LogTail() as tail, Heartbeat(claimed, settings, tail):
        _until(lambda: len(written) > 2)
        assert not any(written)
        logger.warning("something new")
        _until(lambda: any(written))
        first = written.index(True)
        _until(lambda: len(written) > first + 3)
        assert written.count(True) == 1, "what is there already is not written again"
        logger.warning("and more")
        _until(lambda: written.count(True) == 2)
    kept = trial(due[0]).log_tail
    assert kept is not None
    assert "something new" in kept
    assert "and more" in kept


def test_a_trial_whose_storage_is_away_is_tried_again_up_to_its_attempts(
    database: Settings,
) -> None:
    job, due = make_job(database)
    for attempt in range(1, database.max_attempts):
        claimed = take(database, due[0])
        with session_scope() as session:
            assert trials.retry(session, claimed, "The storage is away.", database) == [due[0]]
            assert trials.retry(session, claimed, "Late.", database) == [], "once"
        now = trial(due[0])
        assert (now.state, now.reason, now.attempt) == ("queued", "storage_unavailable", attempt)
    claimed = take(database, due[0])
    with session_scope() as session:
        trials.retry(session, claimed, "The storage is away.", database)
    assert (trial(due[0]).state, trial(due[0]).reason) == ("crashed", "storage_unavailable")
    claimed = take(database, due[1])
    with session_scope() as session:
        pause_job(session, job)
        assert trials.retry(session, claimed, "The storage is away.", database) == []
    assert trial(due[1]).state == "queued", "resuming sends it"
