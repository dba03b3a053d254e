"""Stages in PostgreSQL: the second migration with rows present, and histories read back."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from core.jobs import claim as trials
from core.jobs.advance import advance
from core.jobs.history import candidates_of, history_of, proposals_of, records_of
from core.settings import Settings
from core.store.database import get_engine, session_scope
from core.store.schema import alembic_config, migrate
from core.store.tables import CandidateRow, Job, Trial
from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.spec import PretrainingSpec
from quarterturn.search.planning import plan
from quarterturn.search.proposals.source import rebuilt
from quarterturn.search.spec import SearchSpec
from tests.store.rows import complete, make_job

#: A job as the first release stored it.
OLD_SPEC = {
    "search_space": {
        "schema_version": 1,
        "name": "rand-augment",
        "base": "crop_flip",
        "draw": "fixed",
        "kind": "rand_augment",
        "operations": ["rotate", "invert"],
        "count": [1, 2],
        "magnitude": {"values": [0.1, 0.5]},
    },
    "strategy": {"kind": "successive_halving", "candidates": 12, "rungs": 2, "eta": 3},
    "budget": {"trials": None, "iterations": None, "seconds": None},
    "iterations": 27,
    "seeds": 3,
    "seed": 0,
    "pretraining": PretrainingSpec().model_dump(mode="json"),
    "scoring": {"probe_train_images": 100, "probe_test_images": 50, "l2": 0.001},
}
DENSITY = {
    "search_space": {
        "kind": "sub_policies",
        "name": "three",
        "sub_policies": 2,
        "operations": ["invert", {"op": "rotate", "probability": {"min": 0, "max": 1}}, "equalize"],
    },
    "strategy": {
        "kind": "density_matching",
        "folds": 2,
        "keep": 2,
        "beam": 2,
        "points": 1,
        "images": 16,
        "passes": 1,
        "batch": 2,
    },
    "iterations": 3,
    "seeds": 1,
}


def _alembic(step: Any, revision: str) -> None:
    config = alembic_config()
    with get_engine().begin() as connection:
        config.attributes["connection"] = connection
        step(config, revision)


def _rows(query: str) -> list[Any]:
    with get_engine().connect() as connection:
        return [row._mapping for row in connection.execute(text(query))]


def _insert(table: str, **values: Any) -> None:
    plain = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in values.items()}
    names = ", ".join(plain)
    with get_engine().begin() as connection:
        connection.execute(
            text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + k for k in plain)})"),
            plain,
        )


@pytest.fixture
def old_rows(database: Settings) -> Settings:
    """A database of the first release, with a search under way."""
    _alembic(command.downgrade, "0001")
    assert not _rows("SELECT 1 FROM information_schema.columns WHERE column_name = 'task'")
    _insert(
        "datasets",
        id="ds_old",
        name="images",
        state="ready",
        digest="d" * 64,
        resolution=28,
        files=9,
        images=9,
        splits={},
        mean=[],
        std=[],
        skipped_reasons={},
        skipped=[],
    )
    _insert(
        "jobs",
        id="job_old",
        name="old",
        dataset_id="ds_old",
        state="running",
        spec=OLD_SPEC,
        warnings=[],
        started_at="2026-01-01",
    )
    policy = BASELINES["crop_flip"]()
    _insert(
        "candidates",
        job_id="job_old",
        key=policy.digest[:16],
        name="crop_flip",
        origin="baseline",
        policy=policy.to_document(),
    )
    common = {
        "job_id": "job_old",
        "candidate_key": policy.digest[:16],
        "seed": 0,
        "attempt": 1,
        "progress": 0,
    }
    _insert(
        "trials",
        id="t_done",
        number=1,
        iterations=9,
        resume_from=0,
        state="completed",
        score=0.6,
        sampling_error=0.01,
        collapsed=False,
        metrics={"rotation": 0.6},
        curve=[],
        iterations_run=9,
        seconds=1.5,
        **common,
    )
    _insert("trials", id="t_next", number=2, iterations=27, resume_from=9, state="queued", **common)
    return database


def test_rows_of_the_first_release_become_trials_of_the_search(old_rows: Settings) -> None:
    migrate(get_engine())
    rows = _rows("SELECT * FROM trials ORDER BY number")
    assert [row["id"] for row in rows] == ["t_done", "t_next"]
    for row in rows:
        assert (row["task"], row["schedule_iterations"]) == ("search", 27)
        assert (row["payload"], row["held_out"]) == (None, None)
    (candidate,) = _rows("SELECT * FROM candidates")
    assert (candidate["number"], candidate["parameters"]) == (None, None)

    with session_scope() as session:
        done, queued = history_of(session, session.get_one(Job, "job_old")).trials
        assert proposals_of(session, "job_old") == ()
    assert (done.task, done.score, done.held_out, done.seconds) == ("search", 0.6, None, 1.5)
    assert (done.payload, done.result) == (None, None)
    assert (queued.state, queued.resume_from) == ("queued", 9)


def test_a_search_of_the_first_release_goes_on(old_rows: Settings) -> None:
    migrate(get_engine())
    with session_scope() as session:
        claimed = trials.claim(session, "t_next", "w", old_rows)
    assert claimed is not None
    assert (claimed.spec.task, claimed.spec.payload) == ("search", None)
    assert (claimed.spec.resume_from, claimed.spec.iterations) == (9, 27)
    assert claimed.spec.schedule_iterations == 27
    assert claimed.spec.scoring.criterion == "rotation"
    more = complete(claimed, _outcome(claimed))
    with session_scope() as session:
        assert session.get_one(Job, "job_old").state == "running"
    assert len(more) > 3, "the strategy plans from what was recorded before"
    with session_scope() as session:
        assert advance(session, "job_old") == []


def test_the_task_belongs_to_what_identifies_a_trial(old_rows: Settings) -> None:
    migrate(get_engine())
    copied = (
        "INSERT INTO trials (id, job_id, number, candidate_key, seed, iterations, resume_from, "
        "schedule_iterations, task, state, attempt, progress) SELECT '{id}', job_id, 9, "
        "candidate_key, seed, iterations, 0, iterations, '{task}', 'queued', 0, 0 "
        "FROM trials WHERE id = 't_done'"
    )
    with get_engine().begin() as connection:
        connection.execute(text(copied.format(id="t_confirm", task="confirmation")))
    with pytest.raises(IntegrityError), get_engine().begin() as connection:
        connection.execute(text(copied.format(id="t_twice", task="search")))
    with pytest.raises(IntegrityError), get_engine().begin() as connection:
        connection.execute(text("UPDATE trials SET task = NULL"))


def test_down_and_up_again_keeps_what_the_first_release_knows(old_rows: Settings) -> None:
    before = _rows("SELECT * FROM trials ORDER BY number")
    migrate(get_engine())
    with get_engine().begin() as connection:
        for task in ("base", "fold/0", "density/level1/0/0", "confirmation"):
            connection.execute(
                text(
                    "INSERT INTO trials (id, job_id, number, candidate_key, seed, iterations, "
                    "resume_from, schedule_iterations, task, payload, state, attempt, progress) "
                    "SELECT :task, job_id, 9, candidate_key, seed, iterations, 0, iterations, "
                    ":task, '{}', 'queued', 0, 0 FROM trials WHERE id = 't_done'"
                ),
                {"task": task},
            )
    _alembic(command.downgrade, "0001")
    assert _rows("SELECT * FROM trials ORDER BY number") == before
    with pytest.raises(IntegrityError):
        _insert("trials", **{**before[0], "id": "t_twice"})
    migrate(get_engine())
    assert [r["task"] for r in _rows("SELECT task FROM trials")] == ["search", "search"]


def _outcome(claimed: trials.ClaimedTrial) -> Outcome:
    """What a worker might report: numbers by chance, the same for the same trial."""
    spec = claimed.spec
    draws = random.Random(f"{claimed.candidate}/{spec.seed}/{spec.iterations}/{spec.task}")

    def losses() -> dict[str, float]:
        return {"rotation": 0.5 + draws.random(), "infonce": 3.0 + draws.random()}

    plain = Outcome(
        iterations_run=spec.iterations, pretraining_seconds=0.1, scoring_seconds=0.1, metrics={}
    )
    if spec.payload is None:
        return replace(
            plain,
            score=draws.random(),
            held_out=draws.random(),
            sampling_error=0.01,
            collapsed=False,
            metrics=losses(),
            curve=[],
        )
    if "policies" in spec.payload:
        return replace(plain, losses=[losses() for _ in spec.payload["policies"]])
    return replace(plain, metrics={**losses(), "loss": 4.0})


def _play(settings: Settings, due: list[str], order: random.Random) -> None:
    """Run all trials in an order of chance."""
    while due:
        trial_id = due.pop(order.randrange(len(due)))
        with session_scope() as session:
            claimed = trials.claim(session, trial_id, "w", settings)
        assert claimed is not None
        due += complete(claimed, _outcome(claimed))


def _result(job_id: str) -> tuple[Any, Any, Any]:
    with session_scope() as session:
        job = session.get_one(Job, job_id)
        ranking = [(e["candidate"], e["score"]) for e in job.ranking or []]
        return job.state, ranking, (job.policy or {}).get("views")


def test_a_density_search_is_planned_from_rows_alone(database: Settings) -> None:
    """Payloads and results survive the way through PostgreSQL, in any order of trials."""
    results = []
    for seed in (0, 1):
        job_id, due = make_job(database, **DENSITY)
        assert len(due) == 2, "the folds come first"
        _play(database, due, random.Random(seed))
        results.append(_result(job_id))
        with session_scope() as session:
            job = session.get_one(Job, job_id)
            history = history_of(session, job)
            spec = SearchSpec.model_validate(job.spec)
            rows = session.query(Trial).filter_by(job_id=job_id).order_by(Trial.number).all()
            stored = [(row.task, row.payload, row.metrics) for row in rows]
        assert plan(spec, history).trials == ()
        assert plan(spec, history).finished
        for record, (task, payload, metrics) in zip(history.trials, stored, strict=True):
            assert record.task == task
            assert record.payload == payload
            if task != "search":
                assert record.result == metrics
                assert (record.score, record.held_out) == (None, None)
        tasks = {record.task.rsplit("/", 1)[0] for record in history.trials}
        assert tasks >= {"fold", "density/level1/0", "density/level2/0", "density/finalists/0"}
    assert results[0] == results[1]
    assert results[0][0] == "completed"
    assert len(results[0][1]) >= 7


def test_without_a_payload_there_is_none_in_the_row(database: Settings) -> None:
    """SQL's NULL and not JSON's, or queries take every trial for one of a density search and carry
    its criteria along.
    """
    job_id, due = make_job(database)
    _play(database, due, random.Random(0))
    with session_scope() as session:
        assert {record.result is None for record in records_of(session, job_id)} == {True}
    rows = _rows(f"SELECT payload IS NULL AS none FROM trials WHERE job_id = '{job_id}'")
    assert rows
    assert all(row["none"] for row in rows)
    kept = _rows(f"SELECT parameters IS NULL AS none FROM candidates WHERE job_id = '{job_id}'")
    assert kept
    assert all(row["none"] for row in kept)


@pytest.mark.parametrize("proposals", ["tpe", "evolution"])
def test_proposals_are_read_back_as_they_were_made(database: Settings, proposals: str) -> None:
    strategy = {
        "kind": "successive_halving",
        "proposals": proposals,
        "candidates": 6,
        "generations": 3,
        "rungs": 1,
    }
    results = []
    for seed in (0, 1):
        job_id, due = make_job(database, search_space="selfaugment", strategy=strategy)
        assert len(due) == len(BASELINES) + 2
        _play(database, due, random.Random(seed))
        with session_scope() as session:
            job = session.get_one(Job, job_id)
            spec = SearchSpec.model_validate(job.spec)
            history = history_of(session, job)
            policies = {c.key: c.policy for c in candidates_of(session, job_id)}
        assert [p.number for p in history.proposals] == list(range(6))
        for proposal in history.proposals:
            candidate = rebuilt(spec, proposal)
            assert candidate.key == proposal.key
            assert candidate.policy == policies[proposal.key]
        assert plan(spec, history).trials == ()
        results.append((_result(job_id), history.proposals))
    assert results[0] == results[1], "whatever the order in which trials ended"


def test_whole_numbers_stay_what_they_are(database: Settings) -> None:
    """0.0 and 1.0 are places on the unit interval, 0 and 1 are choices."""
    job_id, _ = make_job(database)
    parameters = {"op": 1, "low": 0.0, "high": 1.0, "between": 0.25}
    with session_scope() as session:
        row = session.query(CandidateRow).filter_by(job_id=job_id).first()
        assert row is not None
        row.number, row.parameters = 0, parameters
    with session_scope() as session:
        (proposal,) = proposals_of(session, job_id)
    assert proposal.parameters == parameters
    assert {k: type(v) for k, v in proposal.parameters.items()} == {
        k: type(v) for k, v in parameters.items()
    }


def test_stages_keep_their_trials_apart(database: Settings) -> None:
    """The same candidate in the search and in the confirmation: two rows, two records."""
    strategy = {
        "kind": "pipeline",
        "search": {"kind": "random", "candidates": 2},
        "confirmation": {"seeds": 2, "top": 1},
    }
    job_id, due = make_job(database, strategy=strategy)
    _play(database, due, random.Random(0))
    with session_scope() as session:
        records = records_of(session, job_id)
        job = session.get_one(Job, job_id)
    assert job.state == "completed"
    by_task = {
        task: {r.candidate for r in records if r.task == task}
        for task in ("search", "confirmation")
    }
    assert len(by_task["search"]) == 8
    assert len(by_task["confirmation"]) == 2, "the finalist and the incumbent"
    assert by_task["confirmation"] <= by_task["search"]
    assert job.policy is not None
    measured = job.policy["selection"]
    assert measured["measured_on"] == "images and seeds that selection never saw"
    chosen = [r for r in records if r.task == "confirmation"]
    last = max(r.seed for r in chosen)
    assert measured["score"] in [round(r.held_out or 0, 6) for r in chosen if r.seed == last]
