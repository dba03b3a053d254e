"""What programs expect of an API: HEAD, entity tags, gzip, repeated requests, filters, CORS."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from api.app import create_app
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import Job
from tests.access.conftest import MakeClient, MakeKey
from tests.conftest import TINY_SEARCH
from tests.store.rows import make_dataset, make_job


def _jobs() -> int:
    with session_scope() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


@pytest.mark.parametrize("path", ["", "/dashboard", "/trials", "/ranking", "/events", "/nothing"])
def test_head_is_get_without_the_body(
    path: str, database: Settings, client_with: MakeClient
) -> None:
    job, _ = make_job(database)
    client = client_with()
    address = f"/v1/jobs/{job}{path}"
    headed = client.head(address)
    assert headed.content == b""
    if path == "/events":
        assert headed.status_code == 200
        return
    got = client.get(address)
    assert headed.status_code == got.status_code
    assert headed.headers["content-type"] == got.headers["content-type"]


def test_what_has_not_changed_is_not_sent_again(
    database: Settings, client_with: MakeClient
) -> None:
    job, _ = make_job(database)
    client = client_with()
    address = f"/v1/jobs/{job}"
    first = client.get(address)
    tag = first.headers["etag"]
    for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(address, headers={"If-None-Match": asked})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.head(address, headers={"If-None-Match": tag}).status_code == 304
    assert client.post(f"{address}/pause").status_code == 202
    changed = client.get(address, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert "etag" not in client.get("/v1/jobs/nobodys").headers


def test_long_answers_are_compressed_for_who_takes_it(
    database: Settings, client_with: MakeClient
) -> None:
    client = client_with()
    with client.stream("GET", "/openapi.json", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == client.get("/openapi.json").content
    plain = client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert len(raw) < len(plain.content) / 4


def test_a_repeated_request_starts_one_job(database: Settings, client_with: MakeClient) -> None:
    client = client_with()
    body = {"dataset_id": make_dataset(), **TINY_SEARCH}
    key = {"Idempotency-Key": "a night's run"}
    first = client.post("/v1/jobs", json=body, headers=key)
    again = client.post("/v1/jobs", json=body, headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert _jobs() == 1
    other = client.post("/v1/jobs", json={**body, "seed": 5}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    new = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "another"})
    assert new.json()["id"] != first.json()["id"]
    assert _jobs() == 2


def test_a_refused_request_frees_its_key(database: Settings, client_with: MakeClient) -> None:
    client = client_with()
    body = {"dataset_id": make_dataset(), **TINY_SEARCH}
    key = {"Idempotency-Key": "k"}
    assert client.post("/v1/jobs", json={**body, "seeds": 0}, headers=key).status_code == 422
    assert client.post("/v1/jobs", json=body, headers=key).status_code == 202
    long = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "k" * 201})
    assert long.status_code == 422


def test_keys_of_requests_are_of_their_owner(
    database: Settings, make_key: MakeKey, client_with: MakeClient
) -> None:
    clients = [client_with(make_key(name, owner=name)) for name in ("ada", "bob")]
    answers = [
        client.post(
            "/v1/search-spaces/validate",
            json={"search_space": space},
            headers={"Idempotency-Key": "k"},
        )
        for client, space in zip(clients, ("photometric", "rand-augment"), strict=True)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() != answers[1].json()


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("/v1/jobs?state=runing", "state"),
        ("/v1/jobs?sate=running", "sate"),
        ("/v1/jobs/{job}/trials?state=done", "state"),
        ("/v1/jobs/{job}/trials?limits=5", "limits"),
        ("/v1/datasets?name=x", "name"),
        ("/v1/jobs/{job}?verbose=1", "verbose"),
    ],
)
def test_unknown_filters_are_refused(
    address: str, named: str, database: Settings, client_with: MakeClient
) -> None:
    job, _ = make_job(database)
    answer = client_with().get(address.format(job=job))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert named in answer.json()["detail"]


def test_known_filters_are_taken(database: Settings, client_with: MakeClient) -> None:
    job, _ = make_job(database)
    client = client_with()
    for state, count in (("queued", 1), ("paused", 0)):
        found = client.get(f"/v1/jobs?state={state}&limit=5").json()["items"]
        assert len(found) == count
    trials = client.get(f"/v1/jobs/{job}/trials?state=queued").json()["items"]
    assert trials
    assert {trial["state"] for trial in trials} == {"queued"}


def test_pages_of_named_origins_may_call_with_a_key(
    with_settings: Callable[..., Settings], make_key: MakeKey
) -> None:
    from starlette.testclient import TestClient

    with_settings(cors_origins='["https://lab.example"]')
    key = {"Authorization": f"Bearer {make_key(scopes=('read', 'write'))}"}
    client: Any = TestClient(create_app(), base_url="http://127.0.0.1:8000")
    asked = {
        "Origin": "https://lab.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    before = client.options("/v1/jobs", headers=asked)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == "https://lab.example"
    mine = {"Origin": "https://lab.example", **key}
    body = {"search_space": "photometric"}
    assert client.post("/v1/search-spaces/validate", json=body, headers=mine).status_code == 200
    got = client.get("/v1/jobs", headers=mine)
    assert got.headers["access-control-allow-origin"] == "https://lab.example"
    evil = {**key, "Origin": "https://evil.example"}
    assert "access-control-allow-origin" not in client.get("/v1/jobs", headers=evil).headers
    refused = client.post("/v1/search-spaces/validate", json=body, headers=evil)
    assert refused.json()["code"] == "cross_site"
    no_key = client.post("/v1/jobs", json={}, headers={"Origin": "https://lab.example"})
    assert no_key.status_code == 403
