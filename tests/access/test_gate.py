"""Keys at the gate: which are accepted, what they may, and who is served without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update

from core.access.keys import authenticate
from core.store.database import session_scope
from core.store.tables import ApiKey
from quarterturn.errors import InvalidInputError
from tests.access.conftest import MakeClient, MakeKey


def _code(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def _change(**values: Any) -> None:
    with session_scope() as session:
        session.execute(update(ApiKey).values(**values))


def test_of_a_key_only_its_digest_is_kept(make_key: MakeKey) -> None:
    token = make_key()
    with session_scope() as session:
        key = session.scalars(select(ApiKey)).one()
        kept = {column.name: str(getattr(key, column.name)) for column in ApiKey.__table__.columns}
    assert token.startswith(key.prefix)
    assert len(token) - len(key.prefix) > 30, "the rest cannot be guessed"
    assert not any(token in value or token[11:] in value for value in kept.values())
    assert make_key() != token


def test_a_key_is_needed_and_must_be_good(make_key: MakeKey, client_with: MakeClient) -> None:
    token = make_key()
    assert client_with(token).get("/v1/jobs").status_code == 200
    nobody = client_with().get("/v1/jobs")
    assert _code(nobody) == (401, "key_required")
    assert nobody.headers["www-authenticate"] == "Bearer"
    for wrong in (token[:-1], token + "x", token.upper(), "qt_", "é" * 40):
        header = f"Bearer {wrong}".encode()
        answer = client_with().get("/v1/jobs", headers={"Authorization": header})
        assert _code(answer) == (401, "key_unknown")
    for header in ("Basic eDp5", token, "Bearer", "Bearer "):
        answer = client_with().get("/v1/jobs", headers={"Authorization": header})
        assert _code(answer) == (401, "key_required")
    assert _code(client_with().get(f"/v1/jobs?key={token}")) == (401, "key_required")


def test_expired_and_revoked_keys_are_refused(make_key: MakeKey, client_with: MakeClient) -> None:
    client = client_with(make_key(expires_in_days=1))
    assert client.get("/v1/jobs").status_code == 200
    _change(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert _code(client.get("/v1/jobs")) == (401, "key_expired")
    _change(expires_at=None, revoked_at=datetime.now(UTC))
    assert _code(client.get("/v1/jobs")) == (401, "key_revoked")
    assert _code(client_with().get("/v1/jobs")) == (401, "key_required"), "it does not open again"


def test_the_use_of_a_key_is_noted_sparsely(make_key: MakeKey) -> None:
    token = make_key()

    def used() -> datetime | None:
        with session_scope() as session:
            authenticate(session, token)
        with session_scope() as session:
            return session.scalars(select(ApiKey.last_used_at)).one()

    first = used()
    assert first is not None
    assert used() == first, "not every request writes"
    _change(last_used_at=first - timedelta(minutes=6))
    later = used()
    assert later is not None
    assert later >= first


@pytest.mark.parametrize(
    ("scopes", "reads", "writes", "keys"),
    [(["read"], 200, 403, 403), (["write"], 403, 404, 403), (["admin"], 403, 403, 200)],
)
def test_scopes(
    make_key: MakeKey,
    client_with: MakeClient,
    scopes: list[str],
    reads: int,
    writes: int,
    keys: int,
) -> None:
    client = client_with(make_key(scopes=scopes))
    assert client.get("/v1/jobs").status_code == reads
    assert client.post("/v1/search-spaces/validate", json={}).status_code == reads
    assert client.post("/v1/jobs/job_x/cancel").status_code == writes
    assert client.get("/v1/keys").status_code == keys
    for answer in (client.get("/v1/keys"), client.get("/v1/keys/")):
        assert (answer.status_code == 403) == (keys == 403)


def test_keys_by_the_api(make_key: MakeKey, client_with: MakeClient) -> None:
    admin = client_with(make_key(scopes=["admin"]))
    body = {"name": "robot", "owner": "ann", "scopes": ["read"], "expires_in_days": 30}
    made = admin.post("/v1/keys", json=body)
    assert made.status_code == 201
    robot = client_with(made.json()["key"])
    assert robot.get("/v1/jobs").status_code == 200
    listed = admin.get("/v1/keys").json()["items"]
    assert [key["name"] for key in listed] == ["robot", "a key"]
    assert made.json()["key"] not in admin.get("/v1/keys").text
    assert "digest" not in listed[0]
    for _ in range(2):
        assert admin.delete(f"/v1/keys/{made.json()['id']}").status_code == 204
    assert _code(robot.get("/v1/jobs")) == (401, "key_revoked")
    assert _code(admin.delete("/v1/keys/key_x")) == (404, "key_not_found")
    for bad in ({"owner": "a b"}, {"owner": "ann\n"}, {"scopes": []}, {"scopes": ["all"]}):
        assert _code(admin.post("/v1/keys", json={**body, **bad})) == (422, "invalid_request")


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""},
        {"owner": "../x"},
        {"owner": "ann\n"},
        {"scopes": ["root"]},
        {"scopes": []},
        {"expires_in_days": 0},
    ],
)
def test_bad_keys_are_not_made(make_key: MakeKey, bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make_key(**bad)
    assert caught.value.code == "invalid_key"


def test_without_keys_this_machine_is_served(client_with: MakeClient) -> None:
    client = client_with()
    assert client.get("/v1/jobs").status_code == 200
    assert client.post("/v1/jobs/job_x/cancel").status_code == 404
    for host in ("localhost:8000", "[::1]:8000", "127.0.0.1"):
        assert client.get("/v1/jobs", headers={"Host": host}).status_code == 200
    assert _code(client.get("/v1/keys")) == (403, "keys_required")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.4", ""])
def test_without_keys_no_other_name_is_served(client_with: MakeClient, host: str) -> None:
    """A page that has its name point at 127.0.0.1 must not reach the service through a browser."""
    answer = client_with().get("/v1/jobs", headers={"Host": host})
    assert _code(answer) == (403, "keys_required")


def test_without_keys_no_other_address_is_served(client_with: MakeClient) -> None:
    """Whatever started the server, and whatever Host the request claims."""
    client = client_with(base_url="http://192.168.1.4:8000")
    assert _code(client.get("/v1/jobs", headers={"Host": "localhost"})) == (403, "keys_required")
    assert client.get("/healthz").status_code == 200


def test_the_host_header_leads_past_no_check(make_key: MakeKey, client_with: MakeClient) -> None:
    make_key()
    for host in ("x/healthz?", "x/static/", "x/docs#", "127.0.0.1/healthz?"):
        answer = client_with().get("/v1/jobs", headers={"Host": host})
        assert answer.status_code in (400, 401), answer.text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999"])
@pytest.mark.parametrize("keys", [True, False])
def test_pages_of_other_sites_cannot_act(
    make_key: MakeKey, client_with: MakeClient, origin: str, keys: bool
) -> None:
    client = client_with(make_key() if keys else None)
    answer = client.post("/v1/jobs/job_x/cancel", headers={"Origin": origin})
    assert _code(answer) == (403, "cross_site")
    own = {"Origin": "http://127.0.0.1:8000"}
    assert client.post("/v1/jobs/job_x/cancel", headers=own).status_code == 404


def test_what_needs_no_key(make_key: MakeKey, client_with: MakeClient) -> None:
    make_key()
    client = client_with()
    for path in ("/healthz", "/docs", "/openapi.json", "/sign-in", "/static/style.css"):
        assert client.get(path).status_code == 200
    for path in ("/", "/v1/nowhere", "/static/../v1/jobs", "/healthz/", "/docs/x"):
        assert client.get(path).status_code in (401, 404)
    assert "key_required" in client.get("/v1/nowhere").text


def test_a_refused_body_is_not_read(make_key: MakeKey, app: FastAPI) -> None:
    make_key()
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/datasets",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "scheme": "http",
        "client": ("10.0.0.1", 1),
    }
    anyio.run(app, scope, receive, send)
    assert sent[0]["status"] == 401


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
        "True-Client-IP",
    ],
)
def test_without_keys_nothing_that_a_proxy_passes_on_is_served(
    client_with: MakeClient, make_key: MakeKey, header: str
) -> None:
    """It may be of anybody, though it comes from this machine."""
    client = client_with()
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", "/")):
        answer = client.request(method, path, headers={header: "127.0.0.1"})
        assert _code(answer) == (403, "keys_required")
    assert client.get("/v1/jobs").status_code == 200
    key = {"Authorization": f"Bearer {make_key()}"}
    assert client.get("/v1/jobs", headers={header: "127.0.0.1", **key}).status_code == 200


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
@pytest.mark.parametrize("host", ["[", "[::1", "a b", "a:b:c", "x]", "127.0.0.1:99999999", "\xff"])
def test_a_malformed_host_is_refused_in_a_sentence(
    client_with: MakeClient, make_key: MakeKey, keys: bool, host: str
) -> None:
    client = client_with(make_key() if keys else None)
    for method, path in (("GET", "/"), ("GET", "/nowhere/"), ("POST", "/v1/jobs")):
        answer = client.request(method, path, headers={"Host": host.encode("latin-1")})
        assert _code(answer) == (400, "bad_request")


@pytest.mark.parametrize("origin", ["http://[", "null", "[", "http://x]y", "\xff", "http://a:b:c"])
def test_a_malformed_origin_is_of_another_site(client_with: MakeClient, origin: str) -> None:
    answer = client_with().post("/v1/jobs", headers={"Origin": origin.encode("latin-1")})
    assert _code(answer) == (403, "cross_site")
