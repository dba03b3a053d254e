"""Logs of a real stack: JSON, and one request's id from the API to the worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state


def _lines(path: Path) -> list[dict[str, Any]]:
    # What a process that is killed leaves half written, or a library prints by itself, is no JSON.
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def _of(lines: list[dict[str, Any]], request_id: str) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("request_id") == request_id]


def test_a_request_is_followed_into_the_worker(
    stack: Stack, http: httpx.Client, animal_dataset: str
) -> None:
    name = "follow-me-1"
    answer = http.post(
        "/v1/jobs",
        json={"dataset_id": animal_dataset, **TINY_SEARCH},
        headers={"X-Request-ID": name},
    )
    assert answer.headers["X-Request-ID"] == name
    job = answer.json()["id"]
    until_state(http, job, "completed")
    logs = stack.data_dir / "logs"
    accessed = [
        line
        for line in _of(_lines(logs / "api.log"), name)
        if line["logger"] == "quarterturn.access"
    ]
    assert [(a["method"], a["path"], a["status"]) for a in accessed] == [("POST", "/v1/jobs", 202)]
    assert accessed[0]["milliseconds"] > 0
    worked = _of(_lines(logs / "worker-1.log"), name)
    trials = {t["id"] for t in http.get(f"/v1/jobs/{job}/trials").json()["items"]}
    assert {line["trial_id"] for line in worked} == trials
    assert {line["job_id"] for line in worked} == {job}
    assert all("/" in line["worker"] and line["timestamp"].endswith("Z") for line in worked)


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, 'a"b', "ä"])
def test_ids_that_are_no_names_are_replaced(http: httpx.Client, given: str) -> None:
    answer = http.get("/v1/jobs", headers={"X-Request-ID": given.encode()})
    assert answer.is_success
    assert answer.headers["X-Request-ID"] != given
