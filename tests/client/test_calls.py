"""The client does all that the API does, typed; its twin awaits the same calls."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
from mypy import api as mypy_api

from api.app import create_app
from api.job_body import JobRequest
from quarterturn import AsyncClient, Client
from quarterturn.client.fields import JobFields
from quarterturn.client.twin import _Call
from quarterturn.client.waiting import WaitTimeoutError
from quarterturn.errors import UnavailableError

#: Operations that programs have no use for: probes of an orchestrator, and a stream that `wait`
#: replaces.
_OTHERWISE = {("GET", "/healthz"), ("GET", "/livez"), ("GET", "/v1/jobs/{job_id}/events")}
_OBJECTS = {"search", "job", "jobs", "close", "embedded", "url", "wait"}


class _Recorder(httpx.BaseTransport):
    """Answers everything with an empty listing, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path))
        return httpx.Response(200, json={"items": [], "next": None, "state": "completed"})


def _arguments(call: Any, file: Path) -> dict[str, Any]:
    """Something for each argument without a default."""
    needed = [
        p
        for p in inspect.signature(call).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    return {
        p.name: str(file) if p.name == "path" else "x"
        for p in needed
        if p.kind not in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    }


def _names() -> list[str]:
    found = [name for name, _ in inspect.getmembers(Client, inspect.isfunction)]
    return [name for name in found if not name.startswith("_") and name not in _OBJECTS]


def test_each_operation_of_the_api_has_a_call(tmp_path: Path) -> None:
    file = tmp_path / "images.zip"
    file.write_bytes(b"x")
    transport = _Recorder()
    client = Client("http://test", transport=transport)
    for name in _names():
        call = getattr(client, name)
        given = _arguments(call, file)
        if name == "download_encoder":
            given["path"] = str(tmp_path / "encoder.safetensors")
        call(**given)
    asked = transport.asked
    for address, methods in create_app().openapi()["paths"].items():
        pattern = re.compile(re.sub(r"{\w+}", "[^/]+", address))
        for method in methods:
            if (method.upper(), address) in _OTHERWISE:
                continue
            assert any(m == method.upper() and pattern.fullmatch(path) for m, path in asked), (
                method,
                address,
            )


def test_the_twin_has_every_call() -> None:
    twins = {name for name, value in vars(AsyncClient).items() if isinstance(value, _Call)}
    assert twins == set(_names())


def test_the_fields_of_a_search_are_those_of_the_api() -> None:
    assert set(get_type_hints(JobFields)) == set(JobRequest.model_fields) - {"dataset_id"}


def test_a_misspelt_field_is_refused_by_mypy(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    text = (
        "import asyncio\n"
        "from quarterturn.client.client import Client\n"
        "from quarterturn.client.twin import AsyncClient\n"
        "with Client('http://x') as client:\n"
        "    job = client.search('images', {first}=3, seeds=2)\n"
        "    client.start('ds', {second}=3)\n"
        "    state: str = job.wait(timeout=5.0).state\n"
        "async def main() -> None:\n"
        "    async with AsyncClient('http://x') as twin:\n"
        "        made = await twin.start('ds', {third}=3)\n"
        "        await twin.wait(made['id'], timeout=5.0)\n"
        "asyncio.run(main())\n"
    )
    right = {"first": "iterations", "second": "iterations", "third": "iterations"}
    wrong = [right | {which: "iteratons"} for which in right]
    for names, fine in ((right, True), *((names, False) for names in wrong)):
        program.write_text(text.format(**names))
        said, _, code = mypy_api.run(["--strict", "--follow-imports=silent", str(program)])
        assert (code == 0) == fine, said
        assert fine or "iteratons" in said


class _Running(httpx.BaseTransport):
    """A job that ends after a number of looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.left -= 1
        state = "running" if self.left > 0 else "completed"
        return httpx.Response(200, content=json.dumps({"state": state}))


def test_waiting_ends_with_the_job_or_the_time() -> None:
    client = Client("http://test", transport=_Running(3))
    assert client.wait("job_1", period=0.0)["state"] == "completed"
    client = Client("http://test", transport=_Running(10**9))
    with pytest.raises(
        WaitTimeoutError, match=r"job_1 has not ended within 0\.05 seconds"
    ) as caught:
        client.wait("job_1", period=0.01, timeout=0.05)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.code == "wait_timed_out"
    with pytest.raises(WaitTimeoutError):
        client.job("job_1").wait(period=0.01, timeout=0.0)


def test_the_twin_waits_and_raises_as_the_client_does() -> None:
    seen: list[str] = []

    async def main() -> None:
        async with AsyncClient("http://test", transport=_Running(3)) as twin:
            watch = lambda state: seen.append(state["state"])  # noqa: E731
            last = await twin.wait("job_1", period=0.0, watch=watch)
            assert last["state"] == "completed"
        async with AsyncClient("http://test", transport=_Running(10**9)) as twin:
            with pytest.raises(WaitTimeoutError):
                await twin.wait("job_1", period=0.01, timeout=0.05)
            both = await asyncio.gather(twin.dashboard("a"), twin.dashboard("b"))
            assert [one["state"] for one in both] == ["running", "running"]

    asyncio.run(main())
    assert seen == ["running", "running", "completed"]


def test_a_server_that_stays_away_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from quarterturn.client import waiting

    monkeypatch.setattr(waiting, "_PATIENCE_SECONDS", 0.0)
    transport = httpx.MockTransport(lambda _: httpx.Response(503))
    with pytest.raises(UnavailableError):
        Client("http://test", transport=transport).wait("job_1", period=0.0)
