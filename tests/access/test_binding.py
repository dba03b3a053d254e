"""Who may bind where, and keys on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from core.access.binding import is_loopback, require_keys
from core.embedded.stack import Stack
from core.settings import Settings
from core.store.database import get_engine
from quarterturn import Client
from quarterturn.errors import ForbiddenError
from tests.access.conftest import MakeKey


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("a.localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.4", False),
        ("example.org", False),
        ("localhost.example", False),
        ("0", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected


def test_only_loopback_is_bound_without_keys(make_key: MakeKey) -> None:
    require_keys("127.0.0.1", get_engine())
    for host in ("0.0.0.0", "", "192.168.1.4"):
        with pytest.raises(ForbiddenError, match="quarterturn keys create") as caught:
            require_keys(host, get_engine())
        assert caught.value.code == "keys_required"
    make_key()
    require_keys("0.0.0.0", get_engine())


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "quarterturn", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )


def test_the_api_alone_refuses_to_bind(database: Settings) -> None:
    done = _run("api", QUARTERTURN_HOST="0.0.0.0", QUARTERTURN_PORT="0")
    assert done.returncode == 2, done.stderr
    assert "[keys_required]" in done.stderr
    assert "quarterturn keys create" in done.stderr


def test_the_first_key_of_the_embedded_stack() -> None:
    """Made before there is a server, and beside one that runs."""
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder:
        refused = _run("serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", folder)
        assert refused.returncode == 2, refused.stderr
        assert "[keys_required]" in refused.stderr
        made = _run("keys", "create", "first", "--data-dir", folder)
        assert made.returncode == 0, made.stderr
        first = made.stdout.strip()
        assert first.startswith("qt_")
        with Stack(Settings(data_dir=Path(folder), host="0.0.0.0", port=0)) as stack:
            assert httpx.get(f"{stack.url}/v1/jobs", trust_env=False).status_code == 401
            assert (Path(folder) / "serve.json").stat().st_mode & 0o077 == 0
            made = _run(
                "keys",
                "create",
                "second",
                "--owner",
                "ann",
                "--scope",
                "read",
                "--expires-in-days",
                "3",
                "--data-dir",
                folder,
            )
            assert made.returncode == 0, made.stderr
            with Client(stack.url, key=made.stdout.strip()) as client:
                assert client.jobs() == []
            listed = _run("keys", "list", "--data-dir", folder).stdout.splitlines()
            assert "ann  read  expires" in listed[0]
            assert "local  read,write  lasts  never used  first" in listed[1]
            assert first not in "".join(listed)
            revoked = _run("keys", "revoke", listed[0].split()[0], "--data-dir", folder)
            assert revoked.returncode == 0, revoked.stderr
            headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
            answer = httpx.get(f"{stack.url}/v1/jobs", headers=headers, trust_env=False)
            assert answer.json()["code"] == "key_revoked"
            assert "[key_not_found]" in _run("keys", "revoke", "key_x", "--data-dir", folder).stderr


def test_the_client_takes_its_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers.get("authorization"))
        return httpx.Response(200, json={})

    monkeypatch.setenv("QUARTERTURN_API_KEY", "qt_environment")
    for key in (None, "qt_given"):
        with Client("http://127.0.0.1", key=key, transport=httpx.MockTransport(answer)) as client:
            client.dashboard("job_x")
    monkeypatch.delenv("QUARTERTURN_API_KEY")
    with Client("http://127.0.0.1", transport=httpx.MockTransport(answer)) as client:
        client.dashboard("job_x")
    assert sent == ["Bearer qt_environment", "Bearer qt_given", None]
