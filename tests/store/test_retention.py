"""What is deleted, and when: jobs, their files, encoders and datasets that nobody uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from api.sweeper import sweep_files
from core.datasets.catalog import delete_dataset
from core.jobs.control import cancel_job
from core.jobs.retention import delete_job
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import CandidateRow, Dataset, Job, Trial
from quarterturn.errors import ConflictError, NotFoundError
from tests.store.rows import make_dataset, make_job


def _cancelled(settings: Settings) -> str:
    job_id, _ = make_job(settings)
    with session_scope() as session:
        cancel_job(session, job_id)
    return job_id


def _aged(days: float) -> None:
    """As if all had happened days ago."""
    ago = text(f"interval '{days} days'")
    with session_scope() as session:
        session.execute(update(Job).values(finished_at=Job.finished_at - ago))
        session.execute(update(Dataset).values(created_at=Dataset.created_at - ago))


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    return path


def _count(table: type[Any]) -> int:
    with session_scope() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def _sweep(settings: Settings, **keep: float) -> None:
    sweep_files(settings.model_copy(update={f"keep_{what}_days": d for what, d in keep.items()}))


def test_a_deleted_job_leaves_nothing_and_its_dataset_can_go(database: Settings) -> None:
    kept, gone = _cancelled(database), _cancelled(database)
    encoders = [
        _file(database.data_dir / "encoders" / f"{job}.safetensors") for job in (kept, gone)
    ]
    rung = _file(database.data_dir / "checkpoints" / gone / "candidate-0-4.pt")
    with session_scope() as session:
        session.execute(update(Job).values(encoder={"digest": "d"}))
        dataset = session.get_one(Job, gone).dataset_id
        delete_job(session, gone)
    with pytest.raises(NotFoundError), session_scope() as session:
        delete_job(session, gone)
    with session_scope() as session:
        for table in (Trial, CandidateRow):
            assert set(session.scalars(select(table.job_id))) == {kept}
    _sweep(database)
    assert encoders[0].exists()
    assert not encoders[1].exists()
    assert not rung.parent.exists()
    delete_dataset(dataset, database)


@pytest.mark.parametrize("state", ["queued", "running", "paused", "stopping", "cancelling"])
def test_a_job_that_has_not_ended_is_not_deleted(database: Settings, state: str) -> None:
    job_id, _ = make_job(database)
    with session_scope() as session:
        session.execute(update(Job).values(state=state))
    with (
        pytest.raises(ConflictError, match="then delete it") as refused,
        session_scope() as session,
    ):
        delete_job(session, job_id)
    assert refused.value.code == "job_not_ended"
    assert _count(Job) == 1


def test_only_its_owner_deletes_a_job(database: Settings) -> None:
    job_id = _cancelled(database)
    with pytest.raises(NotFoundError), session_scope("ben") as session:
        delete_job(session, job_id)
    assert _count(Job) == 1


def test_by_default_all_is_kept_but_checkpoints_of_trials(database: Settings) -> None:
    job_id = _cancelled(database)
    encoder = _file(database.data_dir / "encoders" / f"{job_id}.safetensors")
    rung = _file(database.data_dir / "checkpoints" / job_id / "candidate-0-4.pt")
    with session_scope() as session:
        session.execute(update(Job).values(encoder={"digest": "d"}))
    make_dataset()
    _aged(10_000)
    before = _count(Job), _count(Dataset)
    _sweep(database, trial_checkpoints=20_000)
    assert rung.exists()
    _sweep(database)
    assert (_count(Job), _count(Dataset)) == before
    assert encoder.exists()
    assert not rung.exists()


def test_jobs_and_encoders_go_after_their_days(database: Settings) -> None:
    job_id = _cancelled(database)
    running, _ = make_job(database)
    encoder = _file(database.data_dir / "encoders" / f"{job_id}.safetensors")
    with session_scope() as session:
        session.execute(update(Job).where(Job.id == job_id).values(encoder={"digest": "d"}))
    _aged(3)
    _sweep(database, jobs=4, encoders=4)
    assert (_count(Job), encoder.exists()) == (2, True)
    _sweep(database, encoders=2)
    assert (_count(Job), encoder.exists()) == (2, False)
    _sweep(database, jobs=2)
    with session_scope() as session:
        assert session.scalars(select(Job.id)).all() == [running]


def test_datasets_that_no_job_names_go_after_their_days(database: Settings) -> None:
    job_id, _ = make_job(database)
    source, unused = make_dataset(), make_dataset()
    _aged(3)
    young = make_dataset()
    with session_scope() as session:
        job = session.get_one(Job, job_id)
        pretraining = {**job.spec["pretraining"], "chain": [{"dataset_id": source}]}
        job.spec = {**job.spec, "pretraining": pretraining}
        used = job.dataset_id
    _sweep(database, datasets=2)
    with session_scope() as session:
        states = {row.id: row.state for row in session.execute(select(Dataset.id, Dataset.state))}
    assert states == {used: "ready", source: "ready", young: "ready", unused: "deleted"}
