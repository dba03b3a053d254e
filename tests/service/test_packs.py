"""A worker that trains four trials at once: real processes, messages and signals."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, select

from core.embedded.stack import Stack, running_database
from core.settings import Settings
from core.store.tables import Trial
from tests.conftest import FAST, TINY_SEARCH
from tests.service.waiting import until, until_state

#: Eight trials on the first rung; on the second the six baselines, and the best of the others.
HALVING = {
    **TINY_SEARCH,
    "strategy": {"kind": "successive_halving", "candidates": 2, "rungs": 2},
    "iterations": 60,
}
RUNG = 20


@pytest.fixture(scope="module")
def packed(animals: Path) -> Iterator[tuple[httpx.Client, str, Path]]:
    """A stack of its own, and the images in it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**FAST, "QUARTERTURN_PACK": "4"}.items():
            patch.setenv(name, value)
        folder = tempfile.TemporaryDirectory(prefix="quarterturn-test-")
        with folder as data, Stack(Settings(data_dir=Path(data), port=0)) as stack:
            client = httpx.Client(base_url=stack.url, timeout=60, trust_env=False)
            with client, animals.open("rb") as stream:
                answer = client.post("/v1/datasets", files={"file": ("animals.zip", stream)})
                yield client, str(answer.json()["id"]), Path(data)


def _trials(http: httpx.Client, job: str, **query: Any) -> list[Any]:
    items: list[Any] = http.get(f"/v1/jobs/{job}/trials", params=query).json()["items"]
    return items


def _start(http: httpx.Client, dataset: str, search: dict[str, Any]) -> str:
    return str(http.post("/v1/jobs", json={"dataset_id": dataset, **search}).json()["id"])


def test_a_killed_pack_goes_on_from_its_rung_and_all_is_as_without_packs(
    packed: tuple[httpx.Client, str, Path], http: httpx.Client, animal_dataset: str
) -> None:
    alone = _start(http, animal_dataset, HALVING)
    client, dataset, folder = packed
    job = _start(client, dataset, HALVING)

    def in_mid_pack() -> Any:
        running = _trials(client, job, state="running")
        moving = [t for t in running if t["iterations"] == 60 and t["progress"] > RUNG]
        return len(moving) == 4 and moving

    pack = until(in_mid_pack, 120, period=0.05)
    workers = {trial["worker"] for trial in pack}
    assert len(workers) == 1, "one worker holds all four"
    os.kill(int(workers.pop().split("/")[1]), signal.SIGKILL)
    view = until_state(client, job, "completed", "failed", seconds=120)
    assert view["counts"]["completed"] == view["trials_total"] >= 14
    for trial in pack:
        again = client.get(f"/v1/trials/{trial['id']}").json()
        assert (again["state"], again["attempt"]) == ("completed", 2)

    engine = create_engine(str(running_database(folder)))
    with engine.connect() as connection:
        run = select(Trial.resume_from, Trial.iterations_run).where(
            Trial.id.in_([trial["id"] for trial in pack])
        )
        assert connection.execute(run).all() == [(RUNG, 60 - RUNG)] * 4
    engine.dispose()

    until_state(http, alone, "completed", "failed", seconds=120)
    key = ("candidate_key", "seed", "iterations")
    ours, theirs = (
        {tuple(trial[k] for k in key): trial for trial in trials}
        for trials in (_trials(client, job, limit=100), _trials(http, alone, limit=100))
    )
    both = ours.keys() & theirs.keys()
    assert len(both) >= 14, "what is promoted of the two others may differ"
    # On sixty images a score is uncertain by 0.06, and other rounding moves it within that.
    apart = [ours[one]["score"] - theirs[one]["score"] for one in both]
    assert abs(sum(apart)) / len(apart) < 0.06
    first = next(one for one in both if one[2] == RUNG)
    curves = [
        h.get(f"/v1/trials/{found[first]['id']}").json()["curve"]
        for h, found in ((client, ours), (http, theirs))
    ]
    for mine, other in zip(curves[0][:5], curves[1][:5], strict=True):
        assert mine == pytest.approx(other, rel=0.05), "before rounding has grown"


def test_a_cancel_stops_the_whole_pack(packed: tuple[httpx.Client, str, Path]) -> None:
    client, dataset, _ = packed
    job = _start(client, dataset, {**TINY_SEARCH, "iterations": 20_000})
    until(lambda: len([t for t in _trials(client, job, state="running") if t["progress"]]) == 4)
    client.post(f"/v1/jobs/{job}/cancel")
    view = until_state(client, job, "cancelled", seconds=20)
    assert view["counts"]["cancelled"] == view["trials_total"] == 8
