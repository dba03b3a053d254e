"""Nobody sees what belongs to another: all routes, as somebody else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, select, update
from starlette.testclient import TestClient

from core.datasets import catalog
from core.datasets.catalog import create_dataset, delete_dataset
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import CandidateRow, Checkpoint, Dataset, Job, Trial, new_id
from tests.access.conftest import MakeClient, MakeKey
from tests.conftest import TINY_SEARCH
from tests.store.rows import make_dataset

#: Routes without an id of somebody's: what they show, or why they show nothing of anybody.
_WITHOUT_IDS = {
    "GET /v1/checkpoints": "only own items",
    "POST /v1/checkpoints": "test_a_checkpoint_needs_an_own_job",
    "GET /v1/datasets": "only own items",
    "GET /v1/jobs": "only own items",
    "POST /v1/datasets": "test_the_same_upload_of_two_owners",
    "POST /v1/jobs": "test_a_job_needs_an_own_dataset",
    "GET /v1/search-spaces": "presets",
    "POST /v1/search-spaces/validate": "presets; speeds of own trials",
    "GET /healthz": "no rows",
    "GET /livez": "no rows",
    "GET /readyz": "no rows",
    "GET /metrics": "admin; counts only",
    "GET /v1/keys": "admin",
    "POST /v1/keys": "admin",
    "DELETE /v1/keys/{key_id}": "admin",
}


#: Parts of paths that say nothing about anybody.
_PUBLIC = {"operation": "rotate", "figure": "best"}


def _routes(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    ]


@pytest.fixture
def ann(make_key: MakeKey, client_with: MakeClient) -> TestClient:
    return client_with(make_key(owner="ann", scopes=["read", "write"]))


@pytest.fixture
def ben(make_key: MakeKey, client_with: MakeClient) -> TestClient:
    return client_with(make_key(owner="ben", scopes=["read", "write"]))


@pytest.fixture
def ids(ann: TestClient) -> dict[str, str]:
    """A dataset, a job and a trial of Ann's."""
    dataset = make_dataset()
    with session_scope() as session:
        session.execute(update(Dataset).values(owner="ann"))
    answer = ann.post("/v1/jobs", json={"dataset_id": dataset, **TINY_SEARCH})
    assert answer.status_code == 202, answer.text
    job = answer.json()["id"]
    trial = ann.get(f"/v1/jobs/{job}/trials").json()["items"][0]["id"]
    checkpoint = Checkpoint(
        id=new_id("ckpt"),
        owner="ann",
        name="weights",
        state="ready",
        digest="c" * 64,
        encoder="resnet_tiny",
        tensors=1,
        size_bytes=1,
        source={},
        reports=[],
    )
    with session_scope() as session:
        session.add(checkpoint)
    return {
        "dataset_id": dataset,
        "job_id": job,
        "trial_id": trial,
        "checkpoint_id": checkpoint.id,
        "other_id": job,
        "candidate": ann.get(f"/v1/trials/{trial}").json()["candidate_key"],
    }


def _contents() -> list[Any]:
    with session_scope() as session:
        return [
            [tuple(row) for row in session.execute(select(*table.__table__.columns))]
            for table in (Dataset, Job, Trial, CandidateRow, Checkpoint)
        ]


def test_all_routes_as_somebody_else(
    app: FastAPI, ann: TestClient, ben: TestClient, ids: dict[str, str]
) -> None:
    before = _contents()
    walked = 0
    for method, path in _routes(app):
        if f"{method} {path}" in _WITHOUT_IDS:
            continue
        names = re.findall(r"\{(\w+)\}", path)
        assert names, f"say in _WITHOUT_IDS what {method} {path} shows"
        address = path.format(**ids, **_PUBLIC)
        answers = [ben.request(method, address), ben.request(method, address, json={})]
        if method == "GET":
            answers.append(ben.get(address, headers={"Accept": "text/html"}))
            assert ann.get(address).status_code in (200, 409), f"{address} is there for its owner"
        for answer in answers:
            assert answer.status_code == 404, f"{method} {address}: {answer.text}"
            assert "ann" not in answer.text.replace("channel", "")
        walked += 1
    assert walked >= 8
    assert _contents() == before, "nothing of Ann's was changed"


def test_listings_and_pages_show_own_rows_only(
    app: FastAPI, ann: TestClient, ben: TestClient, ids: dict[str, str]
) -> None:
    for method, path in _routes(app):
        if method != "GET" or "{" in path or path in ("/v1/keys", "/healthz", "/readyz"):
            continue
        assert not any(value in ben.get(path).text for value in ids.values()), path
    for path in ("/v1/jobs", "/v1/datasets", "/v1/checkpoints"):
        assert len(ann.get(path).json()["items"]) == 1
        assert ben.get(path).json()["items"] == []
    assert ids["job_id"] in ann.get("/").text
    assert ids["job_id"] not in ben.get("/").text


def test_pages_take_nobody_elses_ids(
    ann: TestClient, ben: TestClient, ids: dict[str, str], database: Settings
) -> None:
    job, candidate = ids["job_id"], ids["candidate"]
    own = make_dataset()
    with session_scope() as session:
        session.execute(update(Dataset).where(Dataset.id == own).values(owner="ben"))
    mine = ben.post("/v1/jobs", json={"dataset_id": own, **TINY_SEARCH}).json()["id"]
    page = {"Accept": "text/html"}
    for address in (
        f"/new?like={job}",
        f"/compare?first={mine}&second={job}",
        f"/compare?first={job}&second={mine}",
        f"/v1/jobs/{mine}/comparison/{job}",
        f"/v1/jobs/{mine}/policies/{candidate}?beside={job}:{candidate}",
    ):
        answer = ben.get(address, headers=page)
        assert answer.status_code == 404, f"{address}: {answer.text[:300]}"
        assert "Ann" not in answer.text
    assert ben.get(f"/v1/jobs/{mine}/policies/{candidate}", headers=page).status_code == 200
    assert ann.get(f"/new?like={job}", headers=page).status_code == 200
    for address in ("/", "/new", "/datasets", "/compare", f"/?q={job}"):
        assert ids["dataset_id"] not in ben.get(address).text
        assert ben.get(address).text.count(job) <= ("q=" in address), address


def test_another_owners_ids_are_no_cursor_either(ben: TestClient, ids: dict[str, str]) -> None:
    assert ben.get("/v1/jobs", params={"after": "z"}).json()["items"] == []
    assert ben.get(f"/v1/jobs/{ids['job_id']}/trials", params={"after": 1}).status_code == 404


def test_a_job_needs_an_own_dataset(ben: TestClient, ids: dict[str, str]) -> None:
    answer = ben.post("/v1/jobs", json={"dataset_id": ids["dataset_id"], **TINY_SEARCH})
    assert (answer.status_code, answer.json()["code"]) == (404, "dataset_not_found")


def test_a_checkpoint_needs_an_own_job(ben: TestClient, ids: dict[str, str]) -> None:
    answer = ben.post("/v1/checkpoints", json={"from_job": ids["job_id"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


def test_a_job_starts_from_an_own_checkpoint(
    ann: TestClient, ben: TestClient, ids: dict[str, str]
) -> None:
    own = make_dataset()
    with session_scope() as session:
        session.execute(update(Dataset).where(Dataset.id == own).values(owner="ben"))
    pretraining = {**TINY_SEARCH["pretraining"], "init": {"checkpoint": ids["checkpoint_id"]}}
    search = {**TINY_SEARCH, "pretraining": pretraining}
    answer = ben.post("/v1/jobs", json={"dataset_id": own, **search})
    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_not_found")
    assert ann.post("/v1/jobs", json={"dataset_id": ids["dataset_id"], **search}).is_success


def test_an_admin_sees_no_rows(
    make_key: MakeKey, client_with: MakeClient, ids: dict[str, str]
) -> None:
    admin = client_with(make_key(owner="root", scopes=["read", "write", "admin"]))
    assert admin.get(f"/v1/jobs/{ids['job_id']}").status_code == 404
    assert admin.get("/v1/jobs").json()["items"] == []


def test_sessions_of_an_owner_cannot_reach_other_rows(ids: dict[str, str]) -> None:
    """Below the routes: whatever a query says."""
    tables = (Dataset, Job, Trial, CandidateRow)
    for table in tables:
        with session_scope("ben") as session:
            assert session.scalars(select(table)).all() == []
            assert session.execute(select(table.id)).all() == []
            key = table.__table__.primary_key.columns.keys()[0]
            rows = session.execute(update(table).values({key: getattr(table, key)}))
            assert rows.rowcount == 0  # type: ignore[attr-defined]
            assert session.execute(delete(table)).rowcount == 0  # type: ignore[attr-defined]
        with session_scope("ann") as session:
            assert session.scalars(select(table)).all() != []
    with session_scope("ben") as session:
        assert session.get(Job, ids["job_id"]) is None
        assert session.get(Trial, ids["trial_id"]) is None
        joined = select(Trial.id).join(Job, Job.id == Trial.job_id)
        assert session.execute(joined).all() == []


def test_the_same_upload_of_two_owners(
    database: Settings, animals: Path, ann: TestClient, ben: TestClient
) -> None:
    with animals.open("rb") as stream:
        first = ann.post("/v1/datasets", files={"file": stream}, data={"name": "Anns own"})
    assert first.status_code == 201, first.text
    with animals.open("rb") as stream:
        second = ben.post("/v1/datasets", files={"file": stream})
    assert second.status_code == 201, "it is new to him"
    assert second.json()["id"] != first.json()["id"]
    assert second.json()["name"] == "animals"
    with animals.open("rb") as stream:
        assert ben.post("/v1/datasets", files={"file": stream}).status_code == 200
    folder = database.data_dir / "datasets" / first.json()["digest"]
    assert ann.delete(f"/v1/datasets/{first.json()['id']}").status_code == 204
    assert (folder / "images.bin").exists(), "the images are Ben's too"
    assert ben.delete(f"/v1/datasets/{second.json()['id']}").status_code == 204
    assert not folder.exists()


def test_rows_made_without_an_owner_are_local(database: Settings, animals: Path) -> None:
    dataset, _ = create_dataset(animals, "images", None, database)
    assert dataset.owner == "local"
    delete_dataset(dataset.id, database)
    with session_scope("ann") as session, pytest.raises(Exception, match="no dataset"):
        catalog.find_dataset(session, dataset.id)
