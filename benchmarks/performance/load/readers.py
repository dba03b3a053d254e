"""Those who read: dashboards that poll, streams that are left open, and some who ask everything."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import re
import time
from collections import Counter, defaultdict
from typing import Any

import httpx

#: As the page asks (api/pages/static/live.js).
_POLL_SECONDS = 2.0
#: Answers that say what is not there yet.
_EXPECTED = (200, 404, 409)
_PATIENCE_SECONDS = 30.0
_FIRST_POLLS = "first polls"
#: Of those who ask everything, between two requests.
_REST_SECONDS = 0.05


def reads(openapi: dict[str, Any], ids: dict[str, str], last: int) -> dict[str, str]:
    """Every address that can be read with these ids, by what it is called in the table.

    Args:
        last: number of the last trials, for a page at the end of the listing.
    """
    found: dict[str, str] = {}
    for path, methods in openapi["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        if "get" not in methods or "/events" in path:
            continue
        for figure in methods["get"].get("x-figures", [""]):
            if all(name in {**ids, "figure": figure} for name in names):
                called = path.replace("{figure}", figure)
                found[called] = path.format(**{**ids, "figure": figure})
    trials = f"/v1/jobs/{ids['job_id']}/trials"
    dashboard = f"/v1/jobs/{ids['job_id']}/dashboard"
    return {
        **found,
        "dashboard, whole with figures": f"{dashboard}?fragment=true",
        "dashboard, as polled": f"/v1/jobs/{ids['job_id']}/events?parts=true",
        "trials, a page at the end": f"{trials}?after={max(0, last - 100)}",
        "trials, completed only": f"{trials}?state=completed",
        "/": "/",
    }


class _Connection:
    """GET over one connection that is kept: a client must not cost more than what it measures."""

    def __init__(self, url: str, key: str) -> None:
        address = httpx.URL(url)
        self._host, self._port = address.host, address.port or 80
        self._head = f"Host: {self._host}:{self._port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, address: str) -> tuple[int, bytes]:
        """The status and the body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=2**24)
        reader, writer = self._streams
        writer.write(f"GET {address} HTTP/1.1\r\n{self._head}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.split(b"content-length:")[1].split(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if head.startswith(b"http/1.0") or b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1]), body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class Readers:
    """Latencies in seconds by address, those of the first round and of the first
    polls under load apart; and errors."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._client = httpx.AsyncClient(
            base_url=url, trust_env=False, headers={"Authorization": f"Bearer {key}"}
        )
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.first: dict[str, float] = {}
        self.first_polls: list[float] = []
        self.errors: Counter[str] = Counter()
        self.events = 0

    async def _get(self, connection: _Connection, name: str, address: str) -> bytes:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status, body = await connection.get(address)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, IndexError) as error:
            self.errors[f"{name}: {type(error).__name__}"] += 1
            connection.close()
            return b""
        self.latencies[name].append(time.perf_counter() - begun)
        if status not in _EXPECTED:
            self.errors[f"{name}: {status}"] += 1
        return body if status == 200 else b""

    async def _poll(self, name: str, address: str) -> None:
        """As a page that has no stream asks: for what is new since the last answer."""
        await asyncio.sleep(random.uniform(0, _POLL_SECONDS))
        connection = _Connection(self._url, self._key)
        token, called = "", _FIRST_POLLS
        while True:
            body = await self._get(connection, called, f"{address}?parts=true&after={token}")
            called = name
            if identified := re.match(rb'{"id": "([^"]+)"', body):
                token = identified[1].decode()
            await asyncio.sleep(_POLL_SECONDS * random.uniform(0.75, 1.25))

    async def _stream(self, address: str) -> None:
        headers = {"Accept": "text/event-stream"}
        while True:
            try:
                async with self._client.stream("GET", address, headers=headers, timeout=None) as it:
                    if it.status_code != 200:
                        self.errors[f"stream: {it.status_code}"] += 1
                    async for line in it.aiter_lines():
                        self.events += line.startswith("data:")
            except httpx.HTTPError as error:
                self.errors[f"stream: {type(error).__name__}"] += 1
            await asyncio.sleep(1)

    async def _first_round(self, addresses: dict[str, str]) -> None:
        connection = _Connection(self._url, self._key)
        for name, address in addresses.items():
            await self._get(connection, name, address)
            self.first[name] = self.latencies.pop(name, [math.nan])[0]
        connection.close()

    async def _cycle(self, addresses: list[tuple[str, str]], start: int) -> None:
        connection = _Connection(self._url, self._key)
        for name, address in itertools.cycle(addresses[start:] + addresses[:start]):
            await self._get(connection, name, address)
            await asyncio.sleep(_REST_SECONDS)

    async def _everything(self, addresses: dict[str, str], readers: int) -> None:
        """One after the other; the first round, which warms up, by one alone and kept apart. Then
        by several at once, each of whom begins somewhere else.
        """
        await self._first_round(addresses)
        many = list(addresses.items())
        async with asyncio.TaskGroup() as group:
            for number in range(readers):
                group.create_task(self._cycle(many, number * len(many) // readers))

    async def under_load(
        self,
        addresses: dict[str, str],
        readers: int,
        dashboards: int,
        events: str,
        streams: int,
        until: asyncio.Event,
    ) -> None:
        """Read until told to end."""
        tasks = [
            asyncio.create_task(self._poll(f"polled by {dashboards}", events))
            for _ in range(dashboards)
        ]
        tasks.append(asyncio.create_task(self._everything(addresses, readers)))
        tasks += [asyncio.create_task(self._stream(f"{events}?parts=true")) for _ in range(streams)]
        await until.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.first_polls = self.latencies.pop(_FIRST_POLLS, [])

    async def close(self) -> None:
        await self._client.aclose()


async def in_turn(sides: list[tuple[Readers, dict[str, str]]], times: int) -> None:
    """Each address so many times by each side, by one after the other: what else the machine does
    meets all sides alike. One request at a time; the first of each, unmeasured, warms up.

    Args:
        sides: who reads, and what: the same names for all.
    """
    connections = [_Connection(readers._url, readers._key) for readers, _ in sides]
    for name in sides[0][1]:
        for connection, (_, addresses) in zip(connections, sides, strict=True):
            await connection.get(addresses[name])
        for _ in range(times):
            for connection, (readers, addresses) in zip(connections, sides, strict=True):
                await readers._get(connection, name, addresses[name])
    for connection in connections:
        connection.close()


def percentiles(values: list[float]) -> dict[str, float]:
    """Milliseconds."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)

    return {"requests": len(ordered), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99)}
