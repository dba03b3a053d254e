"""A worker whose clock is wrong by more than a day: leases are by the clock of PostgreSQL alone."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from core.embedded.stack import Stack, running_database
from tests.cluster.nodes import Nodes
from tests.conftest import TINY_SEARCH
from tests.service.pace import steps
from tests.service.waiting import until, until_state

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libfaketime is preloaded")


@pytest.fixture(scope="module", params=["+30h", "-30h"])
def shifted(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[psutil.Process]:
    """A second worker of the stack, with another clock."""
    import libfaketime

    _, preload = libfaketime.get_reload_information()
    environment = {
        "QUARTERTURN_DATABASE_URL": str(running_database(stack.data_dir)),
        "QUARTERTURN_BROKER_URL": f"redis+socket://{stack.data_dir}/redis/redis.sock",
        "QUARTERTURN_STORAGE_URL": f"file://{stack.data_dir}",
    }
    with Nodes(tmp_path_factory.mktemp("clock"), environment) as nodes:
        nodes.start("worker", "worker", FAKETIME=request.param, **preload)
        process = psutil.Process(nodes.processes["worker"].pid)
        yield process
        line = next(t for t in nodes.log("worker").splitlines() if "begins" in t)
    written = datetime.fromisoformat(json.loads(line)["timestamp"])
    assert abs(written - datetime.now(UTC)) > timedelta(hours=20), (
        "its clock was that of all others"
    )


def _worker_of(shifted: psutil.Process, trial: Any) -> bool:
    pid = int((trial["worker"] or "/0").split("/")[1])
    return pid in {child.pid for child in shifted.children()}


def _trials(http: httpx.Client, job: str) -> list[Any]:
    found: list[Any] = http.get(f"/v1/jobs/{job}/trials", params={"limit": 1000}).json()["items"]
    return found


def test_a_wrong_clock_neither_loses_nor_keeps_a_lease(
    http: httpx.Client, animal_dataset: str, shifted: psutil.Process, tmp_path: Path
) -> None:
    def its_own(job: str) -> Any:
        return [t for t in _trials(http, job) if t["state"] == "running" and _worker_of(shifted, t)]

    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "iterations": steps(1.5, least=250)}
    job = http.post("/v1/jobs", json=body).json()["id"]
    (trial,) = until(lambda: its_own(job), 90)
    until(lambda: http.get(f"/v1/trials/{trial['id']}").json()["progress"] > 0)
    began, beat = (datetime.fromisoformat(trial[k]) for k in ("started_at", "heartbeat_at"))
    assert abs(began - beat) < timedelta(hours=1)

    def finished() -> Any:
        now = http.get(f"/v1/trials/{trial['id']}").json()
        return now["state"] == "completed" and now

    assert until(finished, 150)["attempt"] == 1, "the lease was not lost"
    (lost,) = until(lambda: its_own(job), 60)
    os.kill(int(lost["worker"].split("/")[1]), signal.SIGKILL)
    again = until(
        lambda: (
            (t := http.get(f"/v1/trials/{lost['id']}").json())["reason"] == "worker_lost"
            or t["attempt"] == 2
        ),
        20,
    )
    assert again, "nor is it kept for a day"
    http.post(f"/v1/jobs/{job}/cancel")
    until_state(http, job, "cancelled", seconds=30)
