"""Waiting for the service, with a bound: what hangs ends. On a busy machine all takes minutes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx


def until(condition: Callable[[], Any], seconds: float = 180.0, period: float = 0.2) -> Any:
    """The first true value of `condition`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(period)
    raise AssertionError(f"did not come true within {seconds} s")


def until_state(http: httpx.Client, job_id: str, *states: str, seconds: float = 240.0) -> Any:
    """The dashboard of a job, once it is in one of the states."""

    def reached() -> Any:
        view = http.get(f"/v1/jobs/{job_id}/dashboard").json()
        return view if view["state"] in states else None

    return until(reached, seconds)
