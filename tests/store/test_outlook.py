"""What is still to come of a job, and what candidates are made of, without reading everything."""

from __future__ import annotations

from core.jobs import claim as trials
from core.jobs.create import find_job
from core.jobs.figures import figure, makeup
from core.jobs.history import history_of
from core.jobs.outlook import still_to_come
from core.jobs.specs import spec_of
from core.settings import Settings
from core.store.database import session_scope
from quarterturn.search.course import remaining
from tests.store.rows import complete, make_job, outcome


def test_what_is_queued_is_what_playing_to_the_end_finds(database: Settings) -> None:
    job_id, due = make_job(database, seeds=2)
    for score, trial_id in enumerate(due[:3]):
        with session_scope() as session:
            claimed = trials.claim(session, trial_id, "w", database)
        assert claimed is not None
        complete(claimed, outcome(0.5 + score / 100))
    with session_scope() as session:
        job = find_job(session, job_id)
        spec, history = spec_of(job), history_of(session, job)
        found = still_to_come(job, spec, history)
        played = remaining(spec, history)
    assert len(found) == len(due) - 3
    assert {(r.place, r.cost) for r in found} == {(r.place, r.cost) for r in played}


def test_figures_are_the_same_once_policies_are_known(database: Settings) -> None:
    job_id, due = make_job(database)
    for score, trial_id in enumerate(due):
        with session_scope() as session:
            claimed = trials.claim(session, trial_id, "w", database)
        assert claimed is not None
        complete(claimed, outcome(0.5 + score / 100))
    makeup._kept.clear()
    with session_scope() as session:
        job = find_job(session, job_id)
        first = figure(session, job, "parallel")
        assert len(makeup._kept) == 2, "the searched ones"
        assert len(first.rows) == 2
        again = figure(session, job, "parallel")
    assert (first.svg, first.rows) == (again.svg, again.rows)
