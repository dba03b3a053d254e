"""`make bench-load`: what many readers wait for, and how many trials go through in a second.

200 dashboards poll and 50 streams are open while 10,000 trials that train nothing run on four
workers. Beside them four readers ask all addresses in a circle, each from another place on, 0.05
seconds after the last answer, so that each address is asked eighty times and more. Then, with
nobody else there, each address is read one by one, of that job and of a small one in turn, beside
optuna-dashboard over a study of 10,000 trials in the same PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.datasets.animal_mnist import write_archive
from benchmarks.harness.report import run, target, write
from benchmarks.performance.load.peer import optuna_dashboard
from benchmarks.performance.load.readers import Readers, in_turn, percentiles, reads
from benchmarks.performance.load.stack import LoadStack, Memory
from core.access.keys import create_key
from core.settings import Settings
from core.store.database import engine_for
from quarterturn.client.client import Client

_DASHBOARDS, _STREAMS, _READERS, _WORKERS = 200, 50, 4, 4
_BASELINES, _SEEDS = 6, 2
_MOST_SECONDS = 120.0
_GOAL_MS = 50.0
#: Counted in Redis as always, but so many that none is refused.
_ENVIRONMENT = {
    f"QUARTERTURN_RATE_LIMIT_{name}": "1000000/second"
    for name in ("PER_KEY", "WRITES_PER_KEY", "PER_ADDRESS")
}


def _search(trials: int) -> dict[str, Any]:
    return {
        "search_space": "selfaugment",
        "strategy": {"kind": "random", "candidates": trials // _SEEDS - _BASELINES},
        "iterations": 1,
        "seeds": _SEEDS,
        "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
    }


def _key(database: str) -> str:
    from sqlalchemy.orm import Session

    with Session(engine_for(database)) as session, session.begin():
        return create_key(session, "load", scopes=("read", "write", "admin"))[1]


async def _until_ended(client: Client, job: str, ended: asyncio.Event) -> float:
    """Set `ended` once no trial is left, or time is up; returns trials per second."""
    begun, rate = time.monotonic(), 0.0
    while time.monotonic() - begun < _MOST_SECONDS:
        await asyncio.sleep(3)
        view = await asyncio.to_thread(client.dashboard, job)
        done = view["counts"]["completed"]
        rate = done / max(0.1, view["seconds_elapsed"])
        seconds = time.monotonic() - begun
        print(f"  {seconds:4.0f} s: {done} trials, {view['state']}, {rate:.0f}/s", flush=True)
        if view["state"] not in ("queued", "running"):
            break
    else:
        print(f"not done within {_MOST_SECONDS:g} s; the rest is cancelled")
        await asyncio.to_thread(client.cancel, job)
    ended.set()
    return rate


def _table(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(f"\n{title} (milliseconds)")
    for name, row in rows.items():
        figures = "".join(f"{row[column]:>9.1f}" for column in ("p50", "p95", "p99"))
        print(f"  {name:44}{figures}   of {row['requests']:.0f}")


async def _measure(stack: LoadStack, folder: Path, trials: int, quick: bool) -> dict[str, Any]:
    database = stack._environment["QUARTERTURN_DATABASE_URL"]
    key = _key(database)
    client = Client(stack.url, key=key)
    dataset = client.upload(write_archive(folder / "animals.zip", 600))["id"]
    openapi = httpx.get(f"{stack.url}/openapi.json", trust_env=False).json()
    small = client.start(dataset, **_search(100))["id"]
    while client.dashboard(small)["state"] in ("queued", "running"):
        await asyncio.sleep(0.2)
    begun = time.monotonic()
    job = client.start(dataset, **_search(trials))["id"]
    accepted = time.monotonic() - begun
    print(f"a job of {trials} trials accepted in {accepted:.1f} s", flush=True)

    def addresses(of: str, last: int) -> dict[str, str]:
        first = client._connection.request("GET", f"/v1/jobs/{of}/trials?limit=1").json()["items"]
        ids = {
            "job_id": of,
            "trial_id": first[0]["id"],
            "candidate": first[0]["candidate_key"],
            "dataset_id": dataset,
            "operation": "color",
        }
        return reads(openapi, ids, last)

    loaded, ended = Readers(stack.url, key), asyncio.Event()
    with Memory(stack.data_dir) as memory:
        rate, _ = await asyncio.gather(
            _until_ended(client, job, ended),
            loaded.under_load(
                addresses(job, trials),
                _READERS,
                _DASHBOARDS,
                f"/v1/jobs/{job}/events",
                _STREAMS,
                ended,
            ),
        )
    await loaded.close()
    calm, calm_small = Readers(stack.url, key), Readers(stack.url, key)
    times = 10 if quick else 50
    await in_turn([(calm_small, addresses(small, 100)), (calm, addresses(job, trials))], times)
    with optuna_dashboard(database, trials, folder / "optuna.log") as (url, studies):
        peer = Readers(url, key)
        await in_turn([(peer, studies)], times // 5)
        await peer.close()
    tables = {
        name: {address: percentiles(found) for address, found in readers.latencies.items()}
        for name, readers in (
            ("under load", loaded),
            ("alone", calm),
            ("alone, 100 trials", calm_small),
            ("peer", peer),
        )
    }
    for reader in (calm, calm_small):
        loaded.errors.update(reader.errors)
        await reader.close()
    client.close()
    return {
        "trials": trials,
        "workers": _WORKERS,
        "dashboards": _DASHBOARDS,
        "streams": _STREAMS,
        "readers": _READERS,
        "events": loaded.events,
        "accepted_seconds": round(accepted, 2),
        "trials_per_second": round(rate, 1),
        "errors": dict(loaded.errors),
        "milliseconds": tables,
        "first_polls_milliseconds": percentiles(loaded.first_polls),
        "first_milliseconds": {name: round(1000 * s, 1) for name, s in loaded.first.items()},
        "memory": {
            "samples": memory.samples,
            "growth": {p: round(memory.growth(p), 3) for p in ("api", "workers")},
        },
    }


def _targets(found: dict[str, Any]) -> list[dict[str, Any]]:
    tables = found["milliseconds"]
    alone, small = tables["alone"], tables["alone, 100 trials"]
    slowest = max(alone, key=lambda name: alone[name]["p95"])
    loaded = tables["under load"]
    busiest = max(loaded, key=lambda name: loaded[name]["p95"])
    slow = [name for name, row in loaded.items() if row["p95"] > _GOAL_MS]
    grown = {name: alone[name]["p50"] / max(1.0, small[name]["p50"]) for name in alone}
    steepest = max(grown, key=lambda name: grown[name])
    ours = alone["dashboard, as polled"]["p95"]
    theirs = tables["peer"]["optuna-dashboard, the study"]["p95"]
    return [
        target("trials per second", found["trials_per_second"], 100, at_least=True),
        target(f"p95 of reads, alone ({slowest})", alone[slowest]["p95"], _GOAL_MS, at_least=False),
        target(
            f"p95 of reads under load ({busiest})",
            loaded[busiest]["p95"],
            _GOAL_MS,
            at_least=False,
        ),
        target(
            f"of {len(loaded)} addresses under load, with a p95 above {_GOAL_MS:g} ms",
            len(slow),
            0,
            at_least=False,
        ),
        target(f"p50 at 10,000 trials over 100 ({steepest})", grown[steepest], 2, at_least=False),
        target("p95 of the dashboard over optuna-dashboard's", ours / theirs, 1, at_least=False),
        target("errors", sum(found["errors"].values()), 0, at_least=False),
        *(
            target(f"memory of {part}, end over begin", growth, 1.1, at_least=False)
            for part, growth in found["memory"]["growth"].items()
        ),
    ]


def main(quick: bool) -> None:
    """Run it all on a stack of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the stack with it
    os.environ.update(_ENVIRONMENT)
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-load-") as folder,
        LoadStack(Settings(data_dir=Path(folder, "data"), port=0, workers=_WORKERS)) as stack,
    ):
        found = asyncio.run(_measure(stack, Path(folder), 500 if quick else 10_000, quick))
    found["load_of_the_machine"] = os.getloadavg()
    for title, rows in found["milliseconds"].items():
        _table(title, rows)
    slow = sorted(found["first_milliseconds"].items(), key=lambda item: -item[1])[:5]
    print("\nslowest of the first round: " + ", ".join(f"{name} {ms:.0f}" for name, ms in slow))
    polls = found["first_polls_milliseconds"]
    print(f"first polls of all dashboards: p50 {polls['p50']:.0f}, p95 {polls['p95']:.0f}")
    print(f"errors: {found['errors'] or 'none'}\n")
    write("load", found, _targets(found), quick)


if __name__ == "__main__":
    run(main)
