"""/metrics: true counts, of all owners, for the operator only."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, update

from core.jobs import claim as trials
from core.jobs.control import cancel_job
from core.jobs.retention import delete_job
from core.jobs.sweep import expire_leases
from core.jobs.workers import report_presence
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Trial
from tests.access.conftest import MakeClient, MakeKey
from tests.conftest import TINY_SEARCH
from tests.store.rows import complete, make_job, outcome


def _samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("quarterturn_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counts_are_those_of_the_tables(
    database: Settings, make_key: MakeKey, client_with: MakeClient
) -> None:
    _, due = make_job(database)
    with session_scope() as session:
        first = trials.claim(session, due[0], "w", database)
    assert first is not None
    complete(first, outcome())
    with session_scope() as session:
        trials.claim(session, due[1], "w", database)
    client = client_with(make_key(owner="root", scopes=["admin"]))
    found = _samples(client.get("/metrics").text)
    assert found["jobs", "running"] == 1
    assert found["jobs", "failed"] == 0
    assert found["trials", "completed"] == found["trials", "running"] == 1
    assert found["trials", "queued"] == len(due) - 2
    assert found["completed_trials_total", "search"] == 1
    assert found["iterations_total", "search"] == outcome().iterations_run
    took = outcome()
    assert found["trial_seconds_total", "search", "pretraining"] == took.pretraining_seconds
    assert found["trial_seconds_total", "search", "scoring"] == took.scoring_seconds
    batch = TINY_SEARCH["pretraining"]["batch_size"]
    assert found["images_total", "search"] == batch * took.iterations_run
    assert found["lease_losses_total",] == 0
    assert not [key for key in found if key[0].startswith("gpu_memory")], "nobody has a GPU"
    assert found["broker_up",] == 0, "there is no Redis in this test"
    assert found["oldest_queued_seconds",] > 0


def test_only_an_admin_reads_them(make_key: MakeKey, client_with: MakeClient) -> None:
    client = client_with(make_key(owner="ann", scopes=["read", "write"]))
    answer = client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


def test_sums_outlive_their_jobs(
    database: Settings, make_key: MakeKey, client_with: MakeClient
) -> None:
    job_id, due = make_job(database)
    with session_scope() as session:
        first = trials.claim(session, due[0], "w", database)
    assert first is not None
    complete(first, outcome())
    with session_scope() as session:
        cancel_job(session, job_id)
    client = client_with(make_key(owner="root", scopes=["admin"]))
    before = _samples(client.get("/metrics").text)
    with session_scope() as session:
        delete_job(session, job_id)
    after = _samples(client.get("/metrics").text)
    assert before["completed_trials_total", "search"] == 1
    assert {k: v for k, v in before.items() if k[0].endswith("_total")} == {
        k: v for k, v in after.items() if k[0].endswith("_total")
    }
    assert after["jobs", "cancelled"] == 0


def test_lost_leases_and_gpu_memory_are_told(
    database: Settings, make_key: MakeKey, client_with: MakeClient
) -> None:
    _, due = make_job(database)
    with session_scope() as session:
        for trial_id in due[:2]:
            trials.claim(session, trial_id, "w", database)
        session.execute(update(Trial).values(lease_expires_at=func.now() - timedelta(seconds=1)))
        report_presence(session, "host/1", "cuda:0", [], (80, 30))
        report_presence(session, "host/2", "cpu", [])
    with session_scope() as session:
        expire_leases(session, database)
        assert expire_leases(session, database) == []
    found = _samples(client_with(make_key(scopes=["admin"])).get("/metrics").text)
    assert found["lease_losses_total",] == 2
    assert found["gpu_memory_bytes", "host/1"] == 80
    assert found["gpu_memory_used_bytes", "host/1"] == 30
    assert ("gpu_memory_bytes", "host/2") not in found
    assert found["workers",] == 2
