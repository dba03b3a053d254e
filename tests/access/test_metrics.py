"""/metrics: true counts, of all owners, for the operator only."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from core.jobs import claim as trials
from core.settings import Settings
from core.store.database import session_scope
from tests.access.conftest import MakeClient, MakeKey
from tests.store.rows import make_job, outcome


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
        trials.complete(session, first, outcome())
    with session_scope() as session:
        trials.claim(session, due[1], "w", database)
    client = client_with(make_key(owner="root", scopes=["admin"]))
    found = _samples(client.get("/metrics").text)
    assert found["jobs", "running"] == 1
    assert found["jobs", "failed"] == 0
    assert found["trials", "completed"] == found["trials", "running"] == 1
    assert found["trials", "queued"] == len(due) - 2
    assert found["completed_trials_total", "search"] == 1
    assert found["iterations_total", "search"] == outcome()["iterations_run"]
    assert found["trial_seconds_total", "search"] > 0
    assert found["broker_up",] == 0, "there is no Redis in this test"
    assert found["oldest_queued_seconds",] > 0


def test_only_an_admin_reads_them(make_key: MakeKey, client_with: MakeClient) -> None:
    client = client_with(make_key(owner="ann", scopes=["read", "write"]))
    answer = client.get("/metrics")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
