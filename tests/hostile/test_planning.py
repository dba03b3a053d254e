"""Searches that are small to write and large to plan: refused, or ended, and nobody else waits."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from psutil import NoSuchProcess, Process

from api.planned import MOST_OF_ONE
from core import planner
from core.jobs.bounds import size_of
from core.settings import Settings, get_settings
from quarterturn.errors import InvalidInputError
from quarterturn.processes import WorkerDiedError
from quarterturn.search.spec import parse_search
from tests.hostile.serving import serving, url_of
from tests.search.play import SPECS

_OPERATIONS = ["rotate", "solarize", "equalize", "invert"]
_WIDE = {
    "kind": "sub_policies",
    "operations": _OPERATIONS,
    "sub_policies": 50,
    "operations_per_sub_policy": 8,
}
_LARGE: dict[str, dict[str, Any]] = {
    "random": {"search_space": _WIDE, "strategy": {"kind": "random", "candidates": 5000}},
    "tpe": {
        "strategy": {"kind": "successive_halving", "candidates": 5000, "proposals": "tpe"},
    },
    "rungs": {
        "search_space": "selfaugment",
        "strategy": {
            "kind": "successive_halving",
            "candidates": 5000,
            "rungs": 8,
            "generations": 100,
            "proposals": "evolution",
        },
    },
    "asha": {
        "search_space": _WIDE,
        "strategy": {"kind": "asha", "candidates": 5000, "rungs": 8},
    },
    "a grid of which little is tried": {
        "search_space": {
            "kind": "pipeline",
            "operations": [
                {"op": name, "probability": {"min": 0, "max": 1}, "strength": {"min": 0, "max": 1}}
                for name in ("rotate", "shear_x", "shear_y", "brightness", "contrast")
            ],
        },
        "strategy": {"kind": "successive_halving", "proposals": "grid", "points": 4},
    },
    "density": {
        "search_space": _WIDE,
        "strategy": {
            "kind": "density_matching",
            "search": "tpe",
            "candidates": 2000,
            "top": 1,
        },
    },
}


@pytest.mark.parametrize("name", _LARGE)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a pipeline"])
def test_a_search_that_is_too_large_is_refused_before_it_is_planned(
    database: Settings, name: str, inside: bool
) -> None:
    from core.jobs.bounds import refuse_oversized

    document = dict(_LARGE[name])
    if inside:
        document["strategy"] = {"kind": "pipeline", "search": document["strategy"]}
    spec = parse_search(document)
    with pytest.raises(InvalidInputError, match="QUARTERTURN_MAX_SEARCH_SIZE") as caught:
        refuse_oversized(spec, database)
    assert caught.value.code == "search_too_large"


@pytest.mark.parametrize("name", SPECS)
def test_searches_of_every_strategy_are_within_the_bound(name: str) -> None:
    assert 0 < size_of(parse_search(SPECS[name])) <= Settings().max_search_size


def _sleep(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


def _fill() -> int:
    return len(bytearray(4 * 2**30))


def _pid() -> int:
    import os

    return os.getpid()


def test_time_and_memory_of_a_call_are_limited(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInputError, match="fewer candidates") as caught:
        planner.submit(_fill).result(120)
    assert caught.value.code == "search_too_large"
    monkeypatch.setenv("QUARTERTURN_PLANNING_SECONDS", "0.2")
    get_settings.cache_clear()
    with pytest.raises(WorkerDiedError):
        planner.submit(_sleep, 60.0).result(120)
    assert planner.submit(_sleep, 0.0).result(120) == "slept"


def test_a_call_that_is_given_up_loses_its_process_and_no_other(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERTURN_PLANNING_SECONDS", "600")
    get_settings.cache_clear()
    long = [planner.submit(_sleep, 600.0) for _ in range(planner.COUNT)]
    waiting = planner.submit(_pid)
    while not all(future.running() for future in long):
        time.sleep(0.05)
    planner.give_up(long[0])
    assert Process(waiting.result(120)).is_running()
    with pytest.raises(WorkerDiedError):
        long[0].result(120)
    assert not long[1].done()
    planner.give_up(long[1])
    with pytest.raises(WorkerDiedError):
        long[1].result(120)


@pytest.fixture
def address(database: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setenv("QUARTERTURN_MAX_SEARCH_SIZE", str(10**12))
    monkeypatch.setenv("QUARTERTURN_PLANNING_SECONDS", "600")
    get_settings.cache_clear()
    with serving() as address:
        yield address


def _busy() -> set[int]:
    """The planning processes that use the CPU."""
    found = set()
    for child in Process().children(recursive=True):
        with contextlib.suppress(NoSuchProcess):
            if "quarterturn.processes.worker" in " ".join(child.cmdline()):
                before = child.cpu_times().user
                time.sleep(0.3)
                if child.cpu_times().user > before + 0.05:
                    found.add(child.pid)
    return found


def _asking(address: tuple[str, int], body: bytes) -> socket.socket:
    """A connection on which a check was asked for."""
    connection = socket.create_connection(address, timeout=60)
    connection.sendall(
        b"POST /v1/search-spaces/validate HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    return connection


def _body(name: str) -> bytes:
    return httpx.Request("POST", "http://x", json=_LARGE[name]).read()


def test_planning_ends_with_the_client_and_holds_nobody_up(address: tuple[str, int]) -> None:
    """A search of minutes, with the bound out of the way."""
    url = url_of(address)
    with _asking(address, _body("random")):
        deadline = time.monotonic() + 120
        while not (busy := _busy()):
            assert time.monotonic() < deadline
        # Others are served meanwhile.
        assert httpx.get(f"{url}/healthz", timeout=60).is_success
    while busy & _busy():
        assert time.monotonic() < deadline, "it goes on without a client"
    answer = httpx.post(f"{url}/v1/search-spaces/validate", json={}, timeout=120)
    assert answer.status_code == 200, answer.text


def test_one_owner_has_a_bounded_number_of_calls(address: tuple[str, int]) -> None:
    asking = [_asking(address, _body("random")) for _ in range(MOST_OF_ONE + 1)]
    answered, _, _ = select.select(asking, [], [], 120)
    assert len(answered) == 1, "the others wait"
    answer = answered[0].recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"planning_busy"' in answer
    for connection in asking:
        connection.close()
