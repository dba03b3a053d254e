"""The one convention of all benchmarks: a table on the screen, a JSON file with raw samples.

A benchmark is a module with `main(quick)`, run by `make bench-NAME` (`QUICK=1` for a smoke run).
Results of quick runs are not written over those of full runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quarterturn.versions import versions

RESULTS = Path(__file__).parents[1] / "results"


def target(name: str, value: float, goal: float, *, at_least: bool) -> dict[str, Any]:
    """A target and whether it was met; a miss is written as a miss."""
    met = value >= goal if at_least else value <= goal
    sign = ">=" if at_least else "<="
    return {"name": name, "value": round(value, 4), "target": f"{sign} {goal:g}", "met": met}


def spread(samples: list[float]) -> str:
    """Median and range, for a table."""
    low, high = min(samples), max(samples)
    return f"{statistics.median(samples):.4g} ({low:.4g} to {high:.4g})"


def commit() -> str:
    """Of the code that runs; `make gpu-bundle` writes it beside its copy."""
    stamp = Path(__file__).with_name("commit.txt")
    if stamp.is_file():
        return stamp.read_text().strip()
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
    except OSError:  # there is no git
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def show(targets: list[dict[str, Any]]) -> None:
    """Print each target."""
    for item in targets:
        verdict = "met" if item["met"] else "MISSED"
        print(f"{verdict:7} {item['name']}: {item['value']} (target {item['target']})")


def write(name: str, samples: dict[str, Any], targets: list[dict[str, Any]], quick: bool) -> None:
    """Print the targets and write `results/NAME.json`."""
    show(targets)
    if quick:
        print("quick run: nothing written")
        return
    print(f"written: {save(name, samples, targets)}")


def save(
    name: str, samples: dict[str, Any], targets: list[dict[str, Any]], folder: Path = RESULTS
) -> Path:
    """Write `NAME.json` and say where; the folder is made."""
    document = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
        },
        "versions": versions(),
        "samples": samples,
        "targets": targets,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def run(main: Callable[[bool], None]) -> None:
    """Entry point of a benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    main(parser.parse_args().quick)
