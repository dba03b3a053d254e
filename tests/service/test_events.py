"""A job as server-sent events: from the first to the last, resumed, polled, and bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.live import hub as hubs
from api.live.hub import Hub
from api.live.snapshot import look
from api.pages.job import PARTS
from core.access.keys import KEYLESS
from core.settings import Settings
from quarterturn.errors import UnavailableError
from tests.conftest import TINY_SEARCH
from tests.service.looping import run_apart
from tests.service.pace import steps
from tests.store.rows import make_job

_STREAM = {"Accept": "text/event-stream"}


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if not line:
            if event:
                yield event
            event = {}
        elif name in ("event", "id", "data"):
            event[name] = json.loads(value) if name == "data" else value


def test_a_job_from_its_start_to_its_end(http: httpx.Client, animal_dataset: str) -> None:
    # Long enough to be looked at more than twice.
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "iterations": steps(0.5, least=4)}
    job = http.post("/v1/jobs", json=body).json()["id"]
    address = f"/v1/jobs/{job}/events?parts=true"
    with http.stream("GET", address, headers=_STREAM, timeout=120) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = list(_events(answer.iter_lines()))
    updates = [event for event in events if event["event"] == "update"]
    assert set(updates[0]["data"]["parts"]) == set(PARTS)
    assert updates[-1]["data"]["job"]["state"] == "completed"
    assert len({event["id"] for event in updates}) == len(updates) > 2
    assert any(len(event["data"]["parts"]) < len(PARTS) for event in updates[1:])
    assert events[-1]["event"] == "end"

    seen = updates[0]["id"]
    with http.stream("GET", address, headers={**_STREAM, "Last-Event-ID": seen}) as answer:
        first, *rest = _events(answer.iter_lines())
    assert "status" in first["data"]["parts"]
    assert [event["event"] for event in rest] == ["end"]
    with http.stream("GET", address, headers={**_STREAM, "Last-Event-ID": first["id"]}) as answer:
        assert [event["event"] for event in _events(answer.iter_lines())] == ["end"]

    polled = http.get(f"/v1/jobs/{job}/events").json()
    assert (polled["id"], polled["ended"]) == (first["id"], True)
    assert polled["job"]["counts"]["completed"] == 8
    again = http.get(f"/v1/jobs/{job}/events", params={"after": polled["id"]}).json()
    assert set(again) == {"id", "ended"}
    assert http.get(f"/v1/jobs/{job}/events", params={"after": "nonsense"}).json()["job"]


def test_all_streams_of_a_job_share_one_look(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = make_job(database)
    looks: list[str] = []
    monkeypatch.setattr(hubs, "look", lambda job_id: looks.append(job_id) or look(job_id))

    async def watch() -> None:
        hub = Hub()
        watches = [hub.enter(job, KEYLESS, 50, 50) for _ in range(50)]
        assert len({id(watch) for watch in watches}) == 1
        await asyncio.wait_for(asyncio.gather(*(watch.looked() for watch in watches)), 20)
        with pytest.raises(UnavailableError) as refused:
            hub.enter(job, KEYLESS, 50, 50)
        assert refused.value.code == "too_many_streams"
        for one in watches:
            hub.leave(one, KEYLESS)
        assert hub.open == 0
        seen = len(looks)
        await asyncio.sleep(1.2)
        assert len(looks) == seen, "nobody watches, so nobody looks"
        hub.leave(hub.enter(job, KEYLESS, 50, 50), KEYLESS)

    run_apart(watch())
    assert 1 <= len(looks) <= 3


def test_a_look_is_drawn_anew_only_where_something_changed(database: Settings) -> None:
    job, _ = make_job(database)
    first = look(job)
    assert first is not None
    assert look(job) is first
    assert look("job_none") is None
