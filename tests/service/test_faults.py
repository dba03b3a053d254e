"""Workers killed, jobs cancelled, messages lost, databases gone: nothing is lost or half-done."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis
import torch

from benchmarks.performance.chaos.faults import database_processes
from core.embedded.stack import Stack
from core.placement import QUEUES
from quarterturn.client.client import Client
from tests.conftest import TINY_SEARCH
from tests.service.pace import steps
from tests.service.waiting import until, until_state

LONG = {**TINY_SEARCH, "strategy": {"kind": "random", "candidates": 1}, "iterations": 400}


def _start(http: httpx.Client, dataset: str, **search: Any) -> str:
    answer = http.post("/v1/jobs", json={"dataset_id": dataset, **TINY_SEARCH, **search})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _running(http: httpx.Client, job: str) -> Any:
    page = http.get(f"/v1/jobs/{job}/trials", params={"state": "running"}).json()
    return page["items"][0] if page["items"] else None


def test_a_killed_worker_does_not_cost_the_trial(http: httpx.Client, animal_dataset: str) -> None:
    job = _start(http, animal_dataset, iterations=steps(1.5, least=80))
    trial = until(lambda: (t := _running(http, job)) and t["progress"] > 0 and t)
    os.kill(int(trial["worker"].split("/")[1]), signal.SIGKILL)
    view = until_state(http, job, "completed", "failed", seconds=120)
    assert view["state"] == "completed"
    assert view["counts"]["completed"] == view["trials_total"] == 8
    again = http.get(f"/v1/trials/{trial['id']}").json()
    assert (again["state"], again["attempt"]) == ("completed", 2)


@pytest.mark.parametrize("kept", ["under-way-*", "final*"], ids=["a trial", "the final encoder"])
def test_a_killed_worker_goes_on_from_the_state_kept_last(
    http: httpx.Client, stack: Stack, animal_dataset: str, kept: str
) -> None:
    long = steps(20, least=1000)
    final = {"final_pretraining": {"iterations": long}} if kept == "final*" else {}
    job = _start(http, animal_dataset, iterations=4 if final else long, **final)
    states = stack.data_dir / "checkpoints" / job
    until(lambda: [*states.glob(kept)], 300)
    trial, at = _running(http, job), _step_of(next(states.glob(kept)))
    assert at > 0
    os.kill(int(trial["worker"].split("/")[1]), signal.SIGKILL)

    def again() -> Any:
        now = http.get(f"/v1/trials/{trial['id']}").json()
        return now["attempt"] == 2 and (now["progress"] > 0 or now["state"] == "completed") and now

    assert until(again, 120)["progress"] >= at, "what was kept is not trained again"
    http.post(f"/v1/jobs/{job}/cancel")
    until_state(http, job, "cancelled", "completed", seconds=60)


def _step_of(path: Path) -> int:
    return int(torch.load(path, weights_only=True)["step"])


def test_a_blip_of_redis_ends_no_trial(
    http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, iterations=20_000)
    trial = until(lambda: (t := _running(http, job)) and t["progress"] > 0 and t)
    victim = database_processes(stack, "redis")[0]
    victim.kill()
    until(lambda: not victim.is_running())
    broker = redis.Redis(unix_socket_path=str(stack.data_dir / "redis" / "redis.sock"))
    until(lambda: _answers(broker), 60)
    # So long that whoever was to end it would have.
    later = until(
        lambda: (
            (t := http.get(f"/v1/trials/{trial['id']}").json())["progress"]
            > trial["progress"] + steps(5, least=100)
            and t
        ),
        120,
    )
    assert (later["attempt"], later["worker"]) == (1, trial["worker"])
    http.post(f"/v1/jobs/{job}/cancel")
    until_state(http, job, "cancelled", seconds=60)


def _answers(broker: redis.Redis) -> bool:
    try:
        return bool(broker.ping())
    except redis.RedisError:
        return False


def test_a_frozen_worker_does_not_cost_the_trial(http: httpx.Client, animal_dataset: str) -> None:
    """SIGSTOP: the process is there and does nothing. Its trial is not; when it wakes, its late
    result is dropped.
    """
    job = _start(http, animal_dataset, iterations=steps(1.5, least=80))
    trial = until(lambda: (t := _running(http, job)) and t["progress"] > 0 and t)
    frozen = psutil.Process(int(trial["worker"].split("/")[1]))
    frozen.suspend()
    try:
        until(lambda: http.get(f"/v1/trials/{trial['id']}").json()["state"] == "queued", 30)
    finally:
        frozen.resume()
    view = until_state(http, job, "completed", "failed", seconds=120)
    assert view["counts"]["completed"] == view["trials_total"] == 8
    again = http.get(f"/v1/trials/{trial['id']}").json()
    assert (again["state"], again["attempt"]) == ("completed", 2)


def test_pause_resume_and_stop(http: httpx.Client, animal_dataset: str) -> None:
    # So many trials that it is amid them on any machine.
    job = _start(http, animal_dataset, iterations=40, seeds=10)
    until(lambda: _running(http, job))
    assert http.post(f"/v1/jobs/{job}/pause").json()["state"] == "paused"
    view = until(
        lambda: (v := http.get(f"/v1/jobs/{job}/dashboard").json())["counts"]["running"] == 0 and v
    )
    assert view["counts"]["completed"] > 0
    assert view["counts"]["queued"] > 0
    refused = http.get(f"/v1/jobs/{job}/policy")
    assert (refused.status_code, refused.json()["code"]) == (409, "policy_not_ready")
    assert http.post(f"/v1/jobs/{job}/resume").json()["state"] == "running"
    until(lambda: _running(http, job))
    assert http.post(f"/v1/jobs/{job}/stop").status_code == 202
    stopped = until_state(http, job, "completed", "failed")
    assert (stopped["state"], stopped["reason"]) == ("completed", "stopped")
    assert stopped["counts"]["completed"] > view["counts"]["completed"]
    assert http.get(f"/v1/jobs/{job}/policy").status_code == 200
    assert http.post(f"/v1/jobs/{job}/pause").json()["code"] == "job_finished"


def test_cancel_stops_a_running_trial_within_seconds(
    http: httpx.Client, animal_dataset: str
) -> None:
    # A trial of many minutes: only a cancel can end it in time.
    job = _start(http, animal_dataset, iterations=20_000)
    until(lambda: _running(http, job))
    first = http.post(f"/v1/jobs/{job}/cancel")
    assert (first.status_code, first.json()["state"]) == (202, "cancelling")
    assert http.post(f"/v1/jobs/{job}/cancel").status_code == 202, "twice is the same as once"
    view = until_state(http, job, "cancelled", seconds=30)
    assert view["counts"]["running"] == view["counts"]["queued"] == 0
    refused = http.get(f"/v1/jobs/{job}/policy")
    assert (refused.status_code, refused.json()["code"]) == (409, "policy_not_ready")
    assert http.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled(http: httpx.Client, animal_dataset: str) -> None:
    job = _start(http, animal_dataset)
    until_state(http, job, "completed")
    refused = http.post(f"/v1/jobs/{job}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "job_finished")


@pytest.mark.parametrize("server", ["redis", "postgres"])
def test_a_killed_database_comes_back_and_the_job_completes(
    http: httpx.Client, stack: Stack, animal_dataset: str, server: str
) -> None:
    job = _start(http, animal_dataset, iterations=60)
    until(lambda: _running(http, job))
    victim = database_processes(stack, server)[0]
    victim.kill()
    until(lambda: not victim.is_running())
    with Client(stack.url) as client:
        view = client.wait(job)
    assert view["counts"]["completed"] == view["trials_total"] == 8


def test_a_killed_api_comes_back_and_the_client_waits(
    http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, iterations=40)
    api = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[-2:] == ["quarterturn", "api"]
        and process.environ().get("QUARTERTURN_DATA_DIR") == str(stack.data_dir)
    )
    with Client(stack.url) as client:
        client.dashboard(job)
        api.kill()
        assert client.wait(job, period=0.2)["state"] == "completed"


def test_a_lost_queue_is_rebuilt_from_postgres(
    http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, iterations=60)
    until(lambda: _running(http, job))
    broker = redis.Redis(unix_socket_path=str(stack.data_dir / "redis" / "redis.sock"))
    assert broker.llen(QUEUES[0]) > 0
    broker.flushall()
    view = until_state(http, job, "completed", "failed", seconds=90)
    assert view["counts"]["completed"] == view["trials_total"] == 8


def test_the_budget_of_seconds_ends_a_search_with_a_selection(
    http: httpx.Client, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, iterations=60, seeds=20, budget={"seconds": 8})
    view = until_state(http, job, "completed", "failed", seconds=60)
    assert view["state"] == "completed", view
    assert view["seconds_elapsed"] < 30, "all trials would take minutes"
    assert 0 < view["counts"]["completed"] < view["trials_total"]
    policy = http.get(f"/v1/jobs/{job}/policy").json()
    assert policy["selection"]["provenance"]["budget_exhausted"] == "seconds"


def test_a_diverging_candidate_fails_with_its_reason(
    http: httpx.Client, animal_dataset: str
) -> None:
    job = _start(
        http,
        animal_dataset,
        pretraining={
            "encoder": "resnet_tiny",
            "batch_size": 16,
            "learning_rate": 10,
            "weight_decay": 1,
            "temperature": 1e-40,
        },
    )
    view = until_state(http, job, "completed", "failed")
    assert (view["state"], view["reason"]) == ("failed", "no_completed_trial")
    assert view["failures"][0]["reason"] == "diverged"
    assert "learning rate" in view["failures"][0]["message"]
    tail = http.get(f"/v1/trials/{view['failures'][0]['id']}").json()["log_tail"]
    assert f"trial {view['failures'][0]['id']} failed" in tail
    assert "Traceback" not in tail
    assert "diverged" in http.get(f"/v1/jobs/{job}/policy").json()["detail"]


def test_a_dataset_in_use_cannot_be_deleted_and_a_deleted_one_not_used(
    http: httpx.Client, stack: Stack
) -> None:
    from tests.service.test_bad_input import _png, _zip

    data = _zip({f"{i}.png": _png(16, 5000 + i) for i in range(110)})
    dataset = http.post("/v1/datasets", files={"file": ("own.zip", data)}).json()
    job = _start(http, dataset["id"], **LONG)
    refused = http.delete(f"/v1/datasets/{dataset['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_in_use")
    http.post(f"/v1/jobs/{job}/cancel")
    until_state(http, job, "cancelled")
    assert http.delete(f"/v1/datasets/{dataset['id']}").status_code == 204
    assert not (stack.data_dir / "datasets" / dataset["digest"]).exists()
    assert http.get(f"/v1/datasets/{dataset['id']}").status_code == 404
    answer = http.post("/v1/jobs", json={"dataset_id": dataset["id"], **TINY_SEARCH})
    assert (answer.status_code, answer.json()["code"]) == (404, "dataset_not_found")


def test_a_terminated_worker_hands_its_trial_back(http: httpx.Client, animal_dataset: str) -> None:
    job = _start(http, animal_dataset, iterations=20_000)
    trial = until(lambda: (t := _running(http, job)) and t["progress"] > 0 and t)
    child = int(trial["worker"].split("/")[1])
    stat = Path(f"/proc/{child}/stat").read_text()
    parent = int(stat.rsplit(")", 1)[1].split()[1])
    os.kill(parent, signal.SIGTERM)

    def taken_up() -> Any:
        again = http.get(f"/v1/trials/{trial['id']}").json()
        return again["worker"] != trial["worker"] and again["state"] == "running" and again

    again = until(taken_up, seconds=60)
    assert again["attempt"] == 1, "a hand-back is not a failed attempt"
    http.post(f"/v1/jobs/{job}/cancel")
    until_state(http, job, "cancelled", seconds=30)
