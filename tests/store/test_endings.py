"""How jobs end when little came of them, and what is still to come of those that go on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from core.jobs import claim as trials
from core.jobs import outlook
from core.jobs.advance import advance
from core.jobs.history import history_of
from core.jobs.progress import dashboard
from core.settings import Settings
from core.store.database import get_engine, session_scope
from core.store.tables import Job
from quarterturn.errors import InvalidInputError
from quarterturn.search.spec import SearchSpec
from tests.store.rows import complete, make_job, outcome, trial

DENSITY = {
    "search_space": "selfaugment",
    "iterations": 4,
    "seeds": 1,
    "strategy": {"kind": "density_matching", "folds": 2, "batch": 20},
}


def _complete(settings: Settings, trial_id: str) -> list[str]:
    with session_scope() as session:
        claimed = trials.claim(session, trial_id, "w", settings)
    assert claimed is not None
    return complete(claimed, outcome())


def test_a_budget_of_seconds_that_ends_before_any_pretraining_says_so(database: Settings) -> None:
    job_id, due = make_job(database, **DENSITY, budget={"seconds": 600})
    losses = {"rotation": 1.0, "infonce": 4.0, "loss": 4.0}
    for trial_id in due:
        with session_scope() as session:
            claimed = trials.claim(session, trial_id, "w", database)
        assert claimed is not None
        complete(claimed, replace(outcome(), score=None, metrics=losses))
    with get_engine().begin() as connection:
        connection.execute(text("UPDATE jobs SET started_at = now() - interval '1 hour'"))
    with session_scope() as session:
        advance(session, job_id)
    with session_scope() as session:
        advance(session, job_id)
        job = session.get_one(Job, job_id)
        assert (job.state, job.reason) == ("failed", "budget")
        assert job.message is not None
        assert "before any candidate was pretrained" in job.message
        assert dashboard(session, job)["state"] == "failed"


def test_a_search_is_played_to_its_end_once_for_all_who_look(database: Settings) -> None:
    halving = {"kind": "successive_halving", "candidates": 4, "rungs": 2}
    job_id, due = make_job(database, strategy=halving)

    def look() -> int:
        with session_scope() as session:
            view = dashboard(session, session.get_one(Job, job_id))
        return int(view["trials_total"])

    outlook._coming.cache_clear()
    total = look()
    assert {look() for _ in range(3)} == {total}
    assert outlook._coming.cache_info().misses == 1
    _complete(database, due[0])
    assert trial(due[0]).state == "completed"
    assert look() == total
    assert outlook._coming.cache_info().misses == 2, "a trial has ended: it is asked anew"


def test_what_is_to_come_is_nothing_once_a_job_is_cancelled(database: Settings) -> None:
    job_id, _ = make_job(database)
    with session_scope() as session:
        job = session.get_one(Job, job_id)
        spec, history = SearchSpec.model_validate(job.spec), history_of(session, job)
        assert len(outlook.still_to_come(job, spec, history)) == len(history.trials)
        job.state = "cancelling"
        assert outlook.still_to_come(job, spec, history) == ()
        session.rollback()


@pytest.mark.parametrize("budget", [{"trials": 12}, {"iterations": 30}])
def test_a_budget_that_pretrains_nothing_is_refused_before(
    database: Settings, budget: dict[str, int]
) -> None:

    with pytest.raises(
        InvalidInputError, match="before the first candidate is pretrained"
    ) as raised:
        make_job(database, **DENSITY, budget=budget)
    assert raised.value.code == "budget_too_small"
