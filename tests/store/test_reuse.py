"""What was trained once is not trained again."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest

from core.jobs import claim as trials
from core.jobs.reuse import equal_result, fingerprint
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Dataset, Job
from quarterturn.data import CacheInfo
from quarterturn.pretrain.spec import PretrainingSpec
from tests.store.rows import complete, make_job, outcome, take, trial


def _completed(database: Settings, score: float) -> trials.ClaimedTrial:
    _, due = make_job(database)
    claimed = take(database, due[0])
    complete(claimed, dataclasses.replace(outcome(score), fingerprint=fingerprint(claimed, "cpu")))
    return claimed


def test_an_equal_trial_of_another_job_has_the_result(database: Settings) -> None:
    first = _completed(database, 0.625)
    _, due = make_job(database)
    claimed = take(database, due[0])
    known = fingerprint(claimed, "cpu")
    assert known is not None
    with session_scope() as session:
        found = equal_result(session, known)
    assert found is not None
    complete(claimed, found)
    now = trial(due[0])
    assert (now.state, now.score, now.iterations_run, now.seconds) == ("completed", 0.625, 0, 0.0)
    assert now.provenance is not None
    assert now.provenance["reused_from"] == {"job_id": first.job_id, "trial_id": first.id}


def test_not_that_of_another_owner(database: Settings) -> None:
    _completed(database, 0.5)
    job_id, due = make_job(database)
    with session_scope() as session:
        session.get_one(Job, job_id).owner = "somebody else"
    claimed = take(database, due[0])
    with session_scope() as session:
        assert equal_result(session, fingerprint(claimed, "cpu") or "") is None


def test_everything_that_decides_a_result_is_in_the_fingerprint(database: Settings) -> None:
    _, due = make_job(database)
    claimed = take(database, due[0])
    spec = claimed.spec
    others = [
        dataclasses.replace(claimed, owner="somebody else"),
        dataclasses.replace(claimed, dataset_digest="e" * 64),
        dataclasses.replace(claimed, policy=claimed.policy.model_copy(update={"views": [[], []]})),
        *(
            dataclasses.replace(claimed, spec=spec.model_copy(update=change))
            for change in (
                {"seed": 99},
                {"iterations": 3},
                {"schedule_iterations": 99},
                {"pretraining": PretrainingSpec(encoder="resnet_tiny", batch_size=17)},
                {"scoring": spec.scoring.model_copy(update={"l2": 0.5})},
            )
        ),
    ]
    prints = {fingerprint(one, "cpu") for one in [claimed, *others]} | {
        fingerprint(claimed, "cuda")
    }
    assert len(prints | {fingerprint(claimed, "cuda")}) == len(others) + 2
    # The name of a policy, the place in a job and the rung below decide nothing.
    renamed = claimed.policy.model_copy(update={"name": "another"})
    same = dataclasses.replace(
        claimed, id="t", policy=renamed, spec=spec.model_copy(update={"task": "confirmation"})
    )
    assert fingerprint(same, "cpu") == fingerprint(claimed, "cpu")


@pytest.mark.parametrize("change", [{"payload": {"fold": 1}}, {"task": "final"}])
def test_what_depends_on_more_has_none(database: Settings, change: dict[str, object]) -> None:
    _, due = make_job(database)
    claimed = take(database, due[0])
    other = dataclasses.replace(claimed, spec=claimed.spec.model_copy(update=change))
    assert fingerprint(other, "cpu") is None


def _give_images(jobs: list[str], database: Settings, info: CacheInfo, library: Settings) -> None:
    with session_scope() as session:
        for job_id in jobs:
            row = session.get_one(Dataset, session.get_one(Job, job_id).dataset_id)
            row.digest = info.digest
    database.data_dir.joinpath("datasets").symlink_to(library.data_dir / "datasets")


def test_a_worker_trains_the_first_and_takes_over_the_second(
    database: Settings, animal_info: CacheInfo, library: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import trial as worker

    jobs = [make_job(database), make_job(database)]
    _give_images([job_id for job_id, _ in jobs], database, animal_info, library)
    monkeypatch.setattr(worker, "dispatch", lambda ids: None)
    monkeypatch.setattr(worker, "claim_next", trials.claim)  # this trial, not the next in fairness

    for _, due in jobs:
        worker.run(due[0])
    first, second = (trial(due[0]) for _, due in jobs)
    assert first.state == second.state == "completed", (first.message, second.message)
    assert first.iterations_run == 4
    assert second.iterations_run == 0
    assert (first.score, first.metrics) == (second.score, second.metrics)


def test_a_trial_does_not_fail_because_the_database_went_away_as_it_began(
    database: Settings, animal_info: CacheInfo, library: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import trial as worker

    job_id, due = make_job(database)
    _give_images([job_id], database, animal_info, library)
    monkeypatch.setattr(worker, "dispatch", lambda ids: None)
    monkeypatch.setattr(worker, "claim_next", trials.claim)  # this trial, not the next in fairness
    claimed = take(database, due[0])
    with psycopg.connect(str(database.database_url).replace("+psycopg", "")) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    worker._run_claimed(claimed)
    now = trial(due[0])
    assert (now.state, now.iterations_run) == ("completed", 4), now.message
