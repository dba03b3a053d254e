"""`make chaos`: is the ranking of a search the same, whatever is broken on the way?

The same search runs twice, from the same seeds, each on an embedded stack with three workers: once
undisturbed, once while processes are killed and frozen, PostgreSQL and Redis are killed, Redis is
emptied and messages are doubled. Compared are the results of all trials, one by one, and the
rankings. Ends with an error unless every trial has exactly one result, and the same one.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import httpx

from benchmarks.datasets.animal_mnist import write_archive
from benchmarks.harness.report import target, write
from benchmarks.performance.chaos.faults import FAULTS, Chaos
from core.embedded.stack import Stack
from core.settings import Settings, get_settings
from quarterturn.client.client import Client
from quarterturn.errors import QuarterturnError

_WORKERS = 3
_ENVIRONMENT = {
    "QUARTERTURN_LEASE_SECONDS": "4",
    "QUARTERTURN_HEARTBEAT_SECONDS": "0.5",
    "QUARTERTURN_SWEEP_SECONDS": "1",
    "QUARTERTURN_AUDIT_SECONDS": "2",
    # Poison is told by attempts. Here every attempt may meet a fault.
    "QUARTERTURN_MAX_ATTEMPTS": "50",
    "QUARTERTURN_WORKER_THREADS": "1",
}


class _PatientStack(Stack):
    """Processes end again and again here, and it is never their fault."""

    most_restarts = 1_000_000


def _search(quick: bool) -> dict[str, Any]:
    """At least 200 trials in two rungs, so that checkpoints are needed too."""
    return {
        "search_space": "photometric",
        "strategy": {
            "kind": "successive_halving",
            "candidates": 24 if quick else 90,
            "rungs": 2,
            "eta": 3,
        },
        "iterations": 9,
        "seeds": 1 if quick else 3,
        "pretraining": {"encoder": "resnet_tiny", "batch_size": 16},
        "scoring": {"probe_train_images": 64, "probe_test_images": 64},
    }


def _pages(url: str, job: str) -> list[dict[str, Any]]:
    """All trials of a job; asks again while the API is away."""
    found: list[dict[str, Any]] = []
    after = "0"
    while True:
        try:
            answer = (
                httpx.get(
                    f"{url}/v1/jobs/{job}/trials",
                    params={"after": after, "limit": 1000},
                    timeout=10,
                    trust_env=False,
                )
                .raise_for_status()
                .json()
            )
        except httpx.HTTPError:
            time.sleep(0.3)
            continue
        found += answer["items"]
        if answer["next"] is None:
            return found
        after = answer["next"]


def _patiently(ask: Any) -> Any:
    """The answer to what may meet an API that is just being killed."""
    for _ in range(100):
        try:
            return ask()
        except QuarterturnError:
            time.sleep(0.3)
    return ask()


def _until(limit: float) -> Callable[[dict[str, Any]], None]:
    """What ends the run if its search does not end."""
    begun = time.monotonic()

    def watch(view: dict[str, Any]) -> None:
        if time.monotonic() - begun > limit:
            sys.exit(f"not ended after {limit:g} s: {view['state']}, {view['counts']}")

    return watch


def _run(
    archive: Path, quick: bool, seed: int | None, period: float, limit: float
) -> dict[str, Any]:
    """One search from upload to ranking; with faults if there is a seed for them."""
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-chaos-") as folder,
        _PatientStack(Settings(data_dir=Path(folder), port=0, workers=_WORKERS)) as stack,
        Client(stack.url) as client,
    ):
        os.environ["QUARTERTURN_BROKER_URL"] = f"redis+socket://{stack.data_dir}/redis/redis.sock"
        get_settings.cache_clear()
        dataset = client.upload(archive)
        started = time.monotonic()
        job = client.start(dataset["id"], **_search(quick))["id"]
        chaos = (
            nullcontext()
            if seed is None
            else Chaos(stack, lambda: [t["id"] for t in _pages(stack.url, job)], seed, period)
        )
        with chaos:
            view = client.wait(job, watch=_until(limit))
        seconds = time.monotonic() - started
        del os.environ["QUARTERTURN_BROKER_URL"]
        return {
            "state": view["state"],
            "seconds": seconds,
            "trials": _pages(stack.url, job),
            "ranking": _patiently(lambda: client.dashboard(job))["ranking"],
            "policy": _patiently(lambda: client.policy(job)) if view["policy_ready"] else None,
            "injected": {} if seed is None else dict(chaos.injected),  # type: ignore[union-attr]
            "given up": dict(stack.failed),
        }


def _results(run: dict[str, Any]) -> dict[tuple[Any, ...], Any]:
    return {
        (t["task"], t["candidate_key"], t["seed"], t["iterations"]): (t["state"], t["score"])
        for t in run["trials"]
    }


def _explained(run: dict[str, Any], lost: list[tuple[Any, ...]]) -> list[str]:
    """What became of the trials whose result is lost or different."""
    of = {(t["task"], t["candidate_key"], t["seed"], t["iterations"]): t for t in run["trials"]}
    told = ("id", "state", "score", "attempt", "reason", "message")
    return [
        ", ".join(f"{name} {of[key][name]}" for name in told) if key in of else f"no trial {key}"
        for key in lost
    ]


def main() -> None:
    """Run both and compare."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # and the stack with it
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--period", type=float, default=2.0, help="seconds between faults")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each search")
    options = parser.parse_args()
    os.environ.update(_ENVIRONMENT)
    with tempfile.TemporaryDirectory() as folder:
        archive = write_archive(Path(folder, "animals.zip"), 600)
        print("undisturbed", flush=True)
        calm = _run(archive, options.quick, None, 0, options.limit)
        print(f"  {len(calm['trials'])} trials in {calm['seconds']:.0f} s")
        print("disturbed", flush=True)
        wild = _run(archive, options.quick, options.seed, options.period, options.limit)
    expected, found = _results(calm), _results(wild)
    lost = [key for key in expected if found.get(key) != expected[key]]
    twice = len(wild["trials"]) - len(found)
    retries = sum(max(0, t["attempt"] - 1) for t in wild["trials"])
    print(f"  {len(found)} trials in {wild['seconds']:.0f} s")
    print(f"{sum(wild['injected'].values())} faults: {wild['injected']}")
    print(f"{retries} retries, {len(lost)} results lost or different, {twice} counted twice")
    explained = _explained(wild, lost)
    for line in explained:
        print(f"  {line}")
    same = wild["ranking"] == calm["ranking"]
    for name, why in wild["given up"].items():
        print(f"  {name} was given up: {why}")
    whole = all(run["state"] == "completed" and not run["given up"] for run in (calm, wild))
    kinds = 3 if options.quick else len(FAULTS) + 1
    targets = [
        target("trials", len(expected), 20 if options.quick else 200, at_least=True),
        target("kinds of faults injected", len(wild["injected"]), kinds, at_least=True),
        target("results lost or different", len(lost), 0, at_least=False),
        target("results counted twice", twice, 0, at_least=False),
        target("both jobs completed", float(whole), 1, at_least=True),
        target("rankings equal", float(same), 1, at_least=True),
    ]
    samples = {
        "injected": wild["injected"],
        "retries": retries,
        "lost": explained,
        "seconds": {"undisturbed": calm["seconds"], "disturbed": wild["seconds"]},
        "trials": len(expected),
        "workers": _WORKERS,
        "seed": options.seed,
        "period_seconds": options.period,
    }
    write("chaos", samples, targets, options.quick)
    sys.exit(0 if all(item["met"] for item in targets) else 1)


if __name__ == "__main__":
    main()
