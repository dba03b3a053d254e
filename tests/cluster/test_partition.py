"""Six machines without a common folder; the link of one worker is cut and restored."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from benchmarks.datasets.animal_mnist import write_archive
from core.access.keys import SCOPES, create_key
from core.store.database import engine_for
from core.store.schema import migrate
from tests.cluster.namespaces import Network, why_not
from tests.cluster.nodes import Nodes
from tests.cluster.s3 import S3Server
from tests.cluster.servers import postgres_on, redis_on
from tests.conftest import TINY_SEARCH
from tests.service.pace import steps
from tests.service.waiting import until, until_state

WORKERS = ("one", "two")


@dataclass(frozen=True)
class Machines:
    network: Network
    nodes: Nodes
    http: httpx.Client


@pytest.fixture
def machines() -> Iterator[Machines]:
    if reason := why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quarterturn-test-")))
        network = stack.enter_context(Network("postgres", "redis", "s3", "api", *WORKERS))
        with network.inside("postgres"):
            database = stack.enter_context(
                postgres_on(network.address("postgres"), folder / "postgres")
            )
        with network.inside("redis"):
            broker = stack.enter_context(redis_on(network.address("redis"), folder / "redis"))
        s3 = S3Server(network.address("s3"), 5000)
        with network.inside("s3"):
            stack.enter_context(s3.running(folder / "s3.log"))
        environment = {
            **s3.environment,
            "QUARTERTURN_DATABASE_URL": database,
            "QUARTERTURN_BROKER_URL": broker,
            "QUARTERTURN_STORAGE_URL": s3.url,
            "QUARTERTURN_HOST": network.address("api"),
        }
        nodes = stack.enter_context(Nodes(folder, environment, network.inside))
        stack.enter_context(network.inside("api"))  # so is the client below
        engine = engine_for(database)
        stack.callback(engine.dispose)
        migrate(engine)
        for name in WORKERS:
            nodes.start(name, "worker")
        with Session(engine) as session, session.begin():
            token = create_key(session, "test", scopes=SCOPES)[1]
        nodes.start("api", "api")
        url, key = f"http://{network.address('api')}:8000", {"Authorization": f"Bearer {token}"}
        http = stack.enter_context(
            httpx.Client(base_url=url, timeout=60, trust_env=False, headers=key)
        )
        nodes.until_ready(http, workers=2)
        yield Machines(network, nodes, http)


def _trial(http: httpx.Client, trial_id: str) -> Any:
    return http.get(f"/v1/trials/{trial_id}").json()


def _trials(http: httpx.Client, job: str) -> list[Any]:
    found: list[Any] = http.get(f"/v1/jobs/{job}/trials", params={"limit": 1000}).json()["items"]
    return found


def test_a_cut_link_costs_no_trial_and_the_worker_comes_back(
    machines: Machines, tmp_path: Path
) -> None:
    http, network = machines.http, machines.network
    with write_archive(tmp_path / "animals.zip", 300).open("rb") as stream:
        dataset = http.post("/v1/datasets", files={"file": ("animals.zip", stream)}).json()["id"]
    search = {"dataset_id": dataset, **TINY_SEARCH, "iterations": steps(1.5, least=80)}
    job = http.post("/v1/jobs", json=search).json()["id"]

    def both_run() -> Any:
        running = [t for t in _trials(http, job) if t["state"] == "running" and t["progress"]]
        return len(running) == 2 and running

    trial, other = until(both_run, 60)
    pids = {name: process.pid for name, process in machines.nodes.processes.items()}
    victim = next(name for name in WORKERS if _is_child(trial["worker"], pids[name]))
    network.cut(victim)

    def taken_away() -> Any:
        now = _trial(http, trial["id"])
        return (now["reason"] == "worker_lost" or now["attempt"] > 1) and now

    lost = until(taken_away, 30)
    assert _trial(http, other["id"])["state"] in ("running", "completed"), "the other goes on"
    network.restore(victim)

    jobs = [job]

    def back() -> Any:
        if http.get(f"/v1/jobs/{jobs[-1]}").json()["state"] == "completed":
            # Others were done before it was back; it shall have something to do.
            another = {**search, "seed": len(jobs)}
            jobs.append(http.post("/v1/jobs", json=another).json()["id"])
        trials = (t for each in jobs for t in _trials(http, each))
        own = (t for t in trials if t["worker"] == trial["worker"])
        return any(t["id"] != trial["id"] and t["started_at"] > lost["started_at"] for t in own)

    until(back, 90)
    view = until_state(http, job, "completed", "failed", seconds=120)
    assert view["state"] == "completed", view
    assert view["counts"]["completed"] == view["trials_total"] == 8
    assert view["failures"] == []
    assert http.get(f"/v1/jobs/{job}/policy").status_code == 200
    assert _trial(http, trial["id"])["attempt"] > 1, "what was found during the cut is not counted"


def _is_child(worker: str, parent: int) -> bool:
    stat = Path(f"/proc/{worker.split('/')[1]}/stat").read_text()
    return int(stat.rsplit(")", 1)[1].split()[1]) == parent
