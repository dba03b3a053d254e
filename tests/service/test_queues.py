"""Jobs that ask for a kind of worker, and messages that Redis loses among others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until, until_state

BIG = {"device": "cuda", "gpu_memory_gib": 20}
BIG_QUEUE = "quarterturn.trials.cuda.20"


@pytest.fixture
def broker(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(stack.data_dir / "redis" / "redis.sock")) as client:
        yield client


def _start(http: httpx.Client, dataset: str, **search: Any) -> Any:
    answer = http.post("/v1/jobs", json={"dataset_id": dataset, **TINY_SEARCH, **search})
    assert answer.status_code == 202, answer.text
    return answer.json()


@pytest.fixture
def waiting(http: httpx.Client, animal_dataset: str, broker: redis.Redis) -> Iterator[Any]:
    """A job that no worker here can serve, and that no worker will disturb."""
    broker.delete(BIG_QUEUE)
    job = _start(http, animal_dataset, worker=BIG)
    until(lambda: broker.llen(BIG_QUEUE) == 8)
    yield job
    http.post(f"/v1/jobs/{job['id']}/cancel")


def test_a_job_gets_the_worker_that_it_asks_for(http: httpx.Client, animal_dataset: str) -> None:
    job = _start(http, animal_dataset, worker={"device": "cpu"})
    assert job["spec"]["worker"] == {"device": "cpu", "gpu_memory_gib": None}
    assert job["waiting_for"] is None
    until_state(http, job["id"], "completed")


def test_a_job_that_no_worker_can_serve_waits_and_says_so(
    http: httpx.Client, animal_dataset: str, waiting: Any
) -> None:
    other = _start(http, animal_dataset)
    until_state(http, other["id"], "completed")
    path = f"/v1/jobs/{waiting['id']}"
    view = http.get(f"{path}/dashboard").json()
    assert (view["state"], view["counts"]["queued"], view["workers"]) == ("queued", 8, 0)
    sentence = "Waiting for a worker with a CUDA GPU of 20 GiB or more; none was seen lately."
    assert view["waiting_for"] == http.get(path).json()["waiting_for"] == sentence
    page = http.get(f"{path}/dashboard", headers={"Accept": "text/html"})
    assert sentence in page.text


def test_a_lost_message_is_found_among_others(broker: redis.Redis, waiting: Any) -> None:
    before = broker.lrange(BIG_QUEUE, 0, -1)
    broker.lrem(BIG_QUEUE, 1, before[3])
    assert broker.llen(BIG_QUEUE) == 7
    until(lambda: broker.llen(BIG_QUEUE) == 8, 20)
    after = broker.lrange(BIG_QUEUE, 0, -1)
    assert len(set(after) & set(before)) == 7, "those that were there are not sent again"


def test_a_lost_queue_is_rebuilt_as_jobs_ask(broker: redis.Redis, waiting: Any) -> None:
    broker.flushall()
    until(lambda: broker.llen(BIG_QUEUE) == 8, 20)
