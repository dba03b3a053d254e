"""Equal jobs at the same time on two workers: real processes, messages and signals."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, func, select

from core.embedded.stack import Stack, running_database
from core.settings import Settings
from core.store.tables import Trial
from tests.conftest import FAST, TINY_SEARCH
from tests.service.pace import steps
from tests.service.waiting import until, until_state

Service = tuple[httpx.Client, str, Engine]


@pytest.fixture(scope="module")
def service(animals: Path) -> Iterator[Service]:
    """A stack of two workers, the images in it, and its database."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**FAST, "QUARTERTURN_REUSE_RESULTS": "true"}.items():
            patch.setenv(name, value)
        folder = tempfile.TemporaryDirectory(prefix="quarterturn-test-")
        with folder as data, Stack(Settings(data_dir=Path(data), port=0, workers=2)) as stack:
            client = httpx.Client(base_url=stack.url, timeout=60, trust_env=False)
            with client, animals.open("rb") as stream:
                answer = client.post("/v1/datasets", files={"file": ("animals.zip", stream)})
                engine = create_engine(str(running_database(Path(data))))
                yield client, str(answer.json()["id"]), engine
                engine.dispose()


def _start_two(service: Service, **search: Any) -> list[str]:
    """Two equal jobs at once."""
    http, dataset, _ = service
    body = {"dataset_id": dataset, **TINY_SEARCH, **search}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: http.post("/v1/jobs", json=body), range(2)))
    assert [answer.status_code for answer in answers] == [202, 202]
    return [str(answer.json()["id"]) for answer in answers]


def _iterations_run(service: Service, jobs: list[str]) -> int:
    with service[2].connect() as connection:
        run = select(func.sum(Trial.iterations_run)).where(Trial.job_id.in_(jobs))
        return int(connection.scalar(run) or 0)


def _only_trial(service: Service, job: str) -> Any:
    return service[0].get(f"/v1/jobs/{job}/trials").json()["items"][0]


def test_what_two_jobs_ask_for_is_trained_once(service: Service) -> None:
    http = service[0]
    jobs = _start_two(service, iterations=20)
    views = [until_state(http, job, "completed", "failed", seconds=120) for job in jobs]
    assert [view["counts"]["completed"] for view in views] == [8, 8]
    assert views[0]["ranking"] == views[1]["ranking"]
    assert _iterations_run(service, jobs) == 8 * 20


@pytest.mark.parametrize(("end", "more"), [("kill", 0), ("cancel", 1)])
def test_one_waits_for_the_other_and_is_trained_if_that_is_lost(
    service: Service, end: str, more: int
) -> None:
    http, iterations = service[0], steps(2.0, least=240) + more
    jobs = _start_two(service, iterations=iterations, budget={"trials": 1})

    def in_flight() -> Any:
        running, waiting = sorted(
            (_only_trial(service, job) for job in jobs), key=lambda t: str(t["state"] != "running")
        )
        wanted = ("running", "queued", "equal_trial")
        found = (running["state"], waiting["state"], waiting["reason"])
        return found == wanted and running["progress"] > 0 and (running, waiting)

    running, waiting = until(in_flight, 60, period=0.05)
    assert running["id"] in waiting["message"]
    if end == "kill":
        os.kill(int(running["worker"].split("/")[1]), signal.SIGKILL)
    else:
        http.post(f"/v1/jobs/{running['job_id']}/cancel")
    until_state(http, waiting["job_id"], "completed", "failed", seconds=60)
    last = until_state(http, running["job_id"], "completed", "failed", "cancelled")
    assert last["state"] == {"kill": "completed", "cancel": "cancelled"}[end]
    ended = [_only_trial(service, job) for job in (running["job_id"], waiting["job_id"])]
    assert ended[1]["state"] == "completed"
    assert _iterations_run(service, jobs) == iterations, "by one of the two, from the start"
    if end == "kill":
        assert ended[0]["score"] == ended[1]["score"]
