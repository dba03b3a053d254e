"""nginx and Caddy before the API, with the files of `deploy/`; and proxies without any care."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from core.settings import Settings
from tests.access.conftest import MakeKey
from tests.docs.texts import ROOT
from tests.hostile.serving import serving
from tests.store.rows import make_job

_PLAIN = "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; }} }}"
_NGINX = """
daemon off; master_process off; error_log {folder}/error.log; pid {folder}/pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  {server}
}}
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _example(name: str, port: int, upstream: str) -> str:
    """The file of `deploy/`, without TLS, for which there is no certificate here."""
    text = (ROOT / "deploy" / name).read_text().replace("127.0.0.1:8000", upstream)
    if name == "Caddyfile":
        return "{\n\tadmin off\n}\n" + text.replace("quarterturn.example.org", f"http://:{port}")
    lines = [line for line in text.splitlines() if "ssl_" not in line]
    return "\n".join(lines).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")


@contextmanager
def _run(kind: str, upstream: str, folder: Path) -> Iterator[str]:
    program = "caddy" if kind == "caddy" else "nginx"
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here; install its package")
    port = _free_port()
    if kind == "caddy":
        path = folder / "Caddyfile"
        path.write_text(_example("Caddyfile", port, upstream))
        command = ["caddy", "run", "--config", str(path), "--adapter", "caddyfile"]
    else:
        server = (
            _example("nginx.conf", port, upstream)
            if kind == "nginx"
            else _PLAIN.format(port=port, upstream=f"http://{upstream}")
        )
        path = folder / "nginx.conf"
        path.write_text(_NGINX.format(folder=folder, server=server))
        command = ["nginx", "-c", str(path), "-p", str(folder)]
    environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None, f"{program} did not start"
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def upstream(database: Settings) -> Iterator[str]:
    with serving() as (host, port):
        yield f"{host}:{port}"


@pytest.mark.parametrize("kind", ["plain", "nginx", "caddy"])
def test_without_keys_nothing_is_answered_through_a_proxy(
    upstream: str, tmp_path: Path, kind: str
) -> None:
    with _run(kind, upstream, tmp_path) as url:
        for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("DELETE", "/v1/jobs/x")):
            answer = httpx.request(method, url + path, timeout=60)
            assert (answer.status_code, answer.json()["code"]) == (403, "keys_required")
        assert httpx.get(f"{url}/healthz", timeout=60).is_success
    assert httpx.get(f"http://{upstream}/v1/jobs", timeout=60).is_success, "from this machine"


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_behind_the_examples_all_works(
    upstream: str, tmp_path: Path, kind: str, make_key: MakeKey, database: Settings
) -> None:
    headers = {"Authorization": f"Bearer {make_key()}"}
    job, _ = make_job(database)
    with _run(kind, upstream, tmp_path) as url, httpx.Client(timeout=60) as client:
        # Large uploads reach the service, which says what is wrong with them.
        sent = client.post(
            f"{url}/v1/datasets",
            files={"file": ("a.zip", b"no archive" * 500_000)},
            headers=headers,
        )
        assert sent.headers["content-type"] == "application/problem+json"
        assert sent.status_code == 422, sent.text
        # Buttons of pages are of this site, forms of others are not.
        cancel = f"{url}/v1/jobs/{job}/cancel"
        own = client.post(cancel, headers={**headers, "Origin": url})
        assert own.status_code == 202, own.text
        foreign = client.post(cancel, headers={**headers, "Origin": "http://elsewhere.example"})
        assert foreign.json()["code"] == "cross_site"
        # The first event is there while the stream is open.
        going, _ = make_job(database)
        stream = {**headers, "Accept": "text/event-stream"}
        with client.stream("GET", f"{url}/v1/jobs/{going}/events", headers=stream) as events:
            assert next(events.iter_lines()).startswith(("id:", "event:", "data:"))
