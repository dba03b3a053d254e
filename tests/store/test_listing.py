"""The list of jobs: searched, filtered, ordered, paged."""

from __future__ import annotations

from sqlalchemy import update

from core.jobs.listing import PAGE, job_page
from core.jobs.sweep import expire_leases
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job, Trial
from tests.store.rows import make_dataset, make_job, trial


def _jobs(count: int) -> list[str]:
    dataset = make_dataset()
    ids = []
    for number in range(count):
        row = Job(
            id=f"job_{number:020x}",
            name=f"search {number:03} 50%_done",
            dataset_id=dataset,
            state="completed" if number % 2 else "failed",
            warnings=[],
            spec={
                "search_space": {"name": "s"},
                "strategy": {"kind": "grid"},
                "scoring": {"criterion": "rotation"},
            },
            summary={
                "criterion": "rotation",
                "evidence": "weak",
                "best": {"name": "x", "score": number / 100, "error": 0.1, "at": 5},
                "baseline": {"name": "y", "score": 0.3, "error": 0.1, "at": 5},
            },
        )
        with session_scope() as session:
            session.add(row)
        ids.append(row.id)
    return ids


def test_pages_orders_and_filters(database: Settings) -> None:
    ids = _jobs(PAGE + 3)
    with session_scope("local") as session:
        first = job_page(session)
        assert (first.pages, first.count, len(first.rows)) == (2, PAGE + 3, PAGE)
        assert first.rows[0]["id"] == ids[-1]
        assert first.rows[0]["best"]["score"] == (PAGE + 2) / 100
        last = job_page(session, page=99)
        assert [row["id"] for row in last.rows] == ids[2::-1]
        assert job_page(session, order="oldest").rows[0]["id"] == ids[0]
        assert job_page(session, order="name").rows[0]["name"].startswith("search 000")
        assert job_page(session, order="gain").rows[0]["id"] == ids[-1]
        assert job_page(session, state="failed").count == (PAGE + 4) // 2
        assert job_page(session, text="EARCH 00").count == 10
        assert job_page(session, text="%_").count == PAGE + 3
        assert job_page(session, text="5_%").count == 0, "signs stand for themselves"
        assert job_page(session, text=ids[4]).rows[0]["id"] == ids[4]
    with session_scope("somebody else") as session:
        assert job_page(session).count == 0


def test_a_running_job_has_counts_and_the_best_so_far(database: Settings) -> None:
    job, trials = make_job(database)
    with session_scope() as session:
        for place, name in enumerate(trials[:7]):
            session.execute(
                update(Trial)
                .where(Trial.id == name)
                .values(state="completed", score=0.3 + place / 50, collapsed=False, seconds=2.0)
            )
        (row,) = job_page(session).rows
    assert row["id"] == job
    assert row["counts"] == {"completed": 7, "queued": 1}
    assert row["seconds"] == 14.0
    assert row["baseline"]["score"] != row["best"]["score"]


def test_a_lost_attempt_stays_with_its_trial(database: Settings) -> None:
    _, (name, *_) = make_job(database)
    with session_scope() as session:
        session.execute(
            update(Trial)
            .where(Trial.id == name)
            .values(
                state="running",
                attempt=1,
                worker="gone/1",
                started_at=Job.created_at,
                heartbeat_at=Job.created_at,
                lease_expires_at=Job.created_at,
            )
            .where(Trial.job_id == Job.id)
        )
    with session_scope() as session:
        assert expire_leases(session, database) == [name]
    (loss,) = trial(name).lost or []
    assert (loss["worker"], loss["attempt"]) == ("gone/1", 1)
    assert loss["began"] <= loss["heard"]
