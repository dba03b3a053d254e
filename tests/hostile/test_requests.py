"""Requests made to do harm: deep or long JSON, endless bodies, places outside the roots."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.json_bodies import MAX_DEPTH, MAX_LENGTH
from api.limits import MAX_JSON_BYTES, MAX_SEARCH_BYTES
from core.settings import Settings, get_settings
from tests.conftest import TINY_SEARCH
from tests.store.rows import make_job

_JSON = {"Content-Type": "application/json"}
_POSTS = ("/v1/jobs", "/v1/search-spaces/validate", "/v1/datasets")


@pytest.fixture
def client(database: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(), base_url="http://127.0.0.1") as client:
        yield client


def _deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize("path", _POSTS)
@pytest.mark.parametrize(
    "body",
    [
        _deep(MAX_DEPTH + 1),
        _deep(100_000),
        b"[" * 2_000_000,
        b"[" * 5_000 + b"]" * 5_000,
        b'{"a": [' + b"0," * MAX_LENGTH + b"0]}",
        json.dumps({str(n): n for n in range(MAX_LENGTH + 1)}).encode(),
        b'{"iterations": ' + b"9" * 1_000_000 + b"}",
        b'{"a": [' + b",".join([b"[" + b"0," * 9_000 + b"0]"] * 100) + b"]}",
    ],
    ids=[
        "deep",
        "very deep",
        "never closed",
        "lists",
        "long list",
        "many fields",
        "long number",
        "many values",
    ],
)
def test_json_of_unfair_shape_is_refused(client: TestClient, path: str, body: bytes) -> None:
    answer = client.post(path, content=body, headers=_JSON)
    assert answer.status_code in (400, 413, 422), answer.text
    assert answer.json()["code"] in ("json_too_complex", "invalid_json", "body_too_large")
    if len(body) <= MAX_JSON_BYTES or path != "/v1/datasets":
        assert answer.json()["code"] != "body_too_large"


def test_json_within_the_limits_is_read(client: TestClient) -> None:
    body = {"note": json.loads(_deep(MAX_DEPTH - 2)), "list": [0] * MAX_LENGTH}
    answer = client.post("/v1/search-spaces/validate", json=body)
    assert answer.json()["code"] == "invalid_job", "it is the search that is refused"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-nonsense", ""])
@pytest.mark.parametrize("path", _POSTS[:2])
def test_endless_bodies_are_cut_off(client: TestClient, path: str, kind: str) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        while sent < 4 * MAX_SEARCH_BYTES:
            sent += 2**20
            yield b" " * 2**20

    answer = client.post(path, content=body(), headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


class _Listener(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012 - shared on purpose

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()


class _Watch:
    """Which files and addresses this process opens while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.files: set[str] = set()
        self.addresses: set[str] = set()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in ("open", "os.listdir", "os.scandir", "os.open") and arguments[0] is not None:
            if not isinstance(arguments[0], int):
                self.files.add(os.path.realpath(os.fsdecode(arguments[0])))
        elif event in ("socket.connect", "socket.getaddrinfo"):
            self.addresses.add(str(arguments[1] if event == "socket.connect" else arguments[0]))


_watch = _Watch()
sys.addaudithook(_watch)


def _schemas(app: Any) -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    ]


def test_no_request_makes_the_server_read_outside_its_roots_or_fetch(
    client: TestClient,
    database: Settings,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every route and every field of bodies, with paths and addresses in the place of each text."""
    root = tmp_path_factory.mktemp("root")
    outside = tmp_path_factory.mktemp("outside")
    secret = outside / "secret.png"
    secret.write_bytes(b"CANARY")
    (root / "way-out").symlink_to(outside)
    (root / "sub").mkdir()
    (root / "sub" / "link.png").symlink_to(secret)
    os.mkfifo(root / "sub" / "pipe.png")
    monkeypatch.setenv("QUARTERTURN_DATASET_ROOTS", json.dumps([str(root)]))
    get_settings.cache_clear()
    job, trials = make_job(database)
    listener = HTTPServer(("127.0.0.1", 0), _Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    port = listener.server_address[1]
    places = [
        "/etc/passwd",
        str(secret),
        str(outside),
        f"{root}/way-out",
        f"{root}/../outside0",
        f"{root}/sub/../../outside0/secret.png",
        "../../../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "....//....//etc/passwd",
        "/proc/self/environ",
        f"file://{secret}",
        "~/.ssh/id_rsa",
        f"http://127.0.0.1:{port}/asked",
        f"//127.0.0.1:{port}/asked",
        "ftp://127.0.0.1/x",
        f"http:/127.0.0.1:{port}/",
        "\\\\127.0.0.1\\share",
        "/dev/zero",
        "-",
        ".",
        "",
    ]
    body = {"dataset_id": "x", "name": "x", "path": "x", **TINY_SEARCH}
    requests = 0
    app: Any = client.app
    _watch.files.clear()
    _watch.addresses.clear()
    for method, path in [
        *_schemas(app),
        ("GET", "/static/{x}"),
        ("GET", "/static/swagger/{x}"),
        ("GET", "/sign-in"),
        ("POST", "/sign-in"),
        ("GET", "/{x}"),
    ]:
        for place in places:
            written = place.lstrip("/") if "/static" in path else place
            address = re.sub(r"\{\w+\}", lambda _, text=written: text, path)  # type: ignore[misc]
            options: list[dict[str, Any]] = [{}]
            options.append({"params": {"next": place, "after": place, "state": place}})
            if method in ("POST", "PUT", "PATCH"):
                for field in body:
                    options.append({"json": {**body, field: place}})
                    options.append({"json": {field: place}})
                    options.append({"json": {**body, field: {"path": place, "kind": place}}})
                options.append({"data": {"path": place, "url": place, "next": place, "key": place}})
                image = io.BytesIO(b"no archive")
                options.append({"files": {"file": (place, image)}, "data": {"name": place}})
            for option in options:
                _watch.on = True
                try:
                    answer = client.request(method, address, follow_redirects=False, **option)
                finally:
                    _watch.on = False
                requests += 1
                assert "CANARY" not in answer.text
                assert "root:" not in answer.text
                assert answer.status_code != 500
                leads = answer.headers.get("location", "/").removeprefix("http://127.0.0.1")
                assert re.match(r"/(?!/)", leads), leads
    listener.shutdown()
    listener.server_close()
    assert requests > 1_000
    assert _Listener.asked == []
    allowed = (
        str(Path(sys.prefix).resolve()),
        sys.base_prefix,
        str(Path(__file__).parents[2]),
        str(root),
        str(database.data_dir),
        "/dev/null",
        "/usr/share/zoneinfo",
        "/etc/mime.types",
        tempfile.gettempdir(),
    )
    strange = {
        name
        for name in _watch.files
        # The supervisor of another fixture's stack looks after its processes.
        if not re.fullmatch(r"/proc/\d+/stat", name)
        and (
            name.startswith((str(outside), "/etc/passwd", "/proc", "/root/.ssh"))
            or not name.startswith(allowed)
        )
    }
    assert strange == set()
    brokers = ("/", "(", "['/", "b'/")  # the sockets of PostgreSQL and Redis are files
    assert not [a for a in _watch.addresses if str(port) in a or not a.startswith(brokers)]
    assert job
    assert trials
