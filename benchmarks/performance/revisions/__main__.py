"""bench-revisions: whole policies and steps of pretraining by several revisions of the engine.

Each revision, a commit or `.` for the working tree, runs in a process of its own. They take turns
within each repetition, on one thread, so a machine that slows down slows all of them, and seconds
are those of the processor. Printed are
medians and ranges of ratios within repetitions: of each revision to the one before it, and of the
last to the first. A rate above 1 and a step below 1 are faster.

    make bench-revisions ARGS="1e6e7c2 6ddcd0f ."
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tarfile
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.harness.report import spread, target, write

_ROOT = Path(__file__).parents[3]
_TREES = _ROOT / ".quarterturn" / "bench" / "revisions"
_WORKER = Path(__file__).with_name("worker.py")
POLICIES = ("crop + flip", "MoCo v2", "SimCLR", "RandAugment(2, 9)", "SelfAugment, 500")
STEP_POLICIES = ("moco_v2", "rand_augment")
SIZES = (32, 64, 96, 224)
#: Of the last revision over the first: of a whole policy's rate, and of a step over one without.
RATE_GOAL, STEP_GOAL = 0.95, 1.10

_Samples = dict[str, dict[str, list[float]]]


class Revision:
    """A process that runs one revision."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """What the worker's method `do` returns."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"The worker of revision {self.name} has ended; what it says is above.")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _check_out(revision: str) -> Path:
    """The tree of a revision, kept for the next time; the working tree for `.`."""
    if revision == ".":
        return _ROOT
    tree = _TREES / revision
    if tree.is_dir():
        return tree
    done = subprocess.run(
        ["git", "archive", revision, "benchmarks", "quarterturn"], cwd=_ROOT, capture_output=True
    )
    if done.returncode:
        sys.exit(f"{revision} is no commit of this repository: {done.stderr.decode().strip()}")
    tree.mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree


def _ratios(numerators: list[float], denominators: list[float]) -> list[float]:
    return [one / other for one, other in zip(numerators, denominators, strict=True)]


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    """Each revision and the one before it; the last and the first."""
    found = [(new, old) for old, new in pairwise(names)]
    if len(names) > 2:
        found.append((names[-1], names[0]))
    return found


def _measure_rates(revisions: list[Revision], sizes: list[int], repetitions: int) -> _Samples:
    """Images per second of each revision, by policy and size."""
    samples: _Samples = {}
    for size in sizes:
        for policy in POLICIES:
            label = f"{policy}, {size} px"
            rates: dict[str, list[float]] = {revision.name: [] for revision in revisions}
            for _ in range(repetitions):
                for revision in revisions:
                    rates[revision.name].append(revision.ask("policy", name=policy, size=size))
            samples[label] = rates
            for new, old in _pairs(list(rates)):
                ratios = _ratios(rates[new], rates[old])
                print(f"{label:28} rate of {new} over {old}: {spread(ratios)}", flush=True)
    return samples


def _measure_steps(
    revisions: list[Revision],
    policies: list[str],
    sizes: list[int],
    repetitions: int,
    steps: int,
) -> _Samples:
    """Seconds of a step over those on ready views, of each revision; medians of `steps` pairs."""
    samples: _Samples = {}
    for size in sizes:
        for policy in policies:
            label = f"step, {policy}, {size} px"
            taken: dict[str, list[float]] = {revision.name: [] for revision in revisions}
            for _ in range(repetitions):
                for revision in revisions:
                    seconds = revision.ask("step", name=policy, size=size, steps=steps)
                    taken[revision.name].append(
                        statistics.median(_ratios(seconds["whole"], seconds["bare"]))
                    )
            samples[label] = taken
            for name, ratios in taken.items():
                print(f"{label:28} {name} over ready views: {spread(ratios)}", flush=True)
            for new, old in _pairs(list(taken)):
                ratios = _ratios(taken[new], taken[old])
                print(f"{label:28} {new} over {old}: {spread(ratios)}", flush=True)
    return samples


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revisions", nargs="*", default=["HEAD", "."])
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--repetitions", type=int, default=9, help="of rates")
    parser.add_argument("--step-repetitions", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="in a row, each beside a bare one")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--step-sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--step-policies", nargs="+", default=list(STEP_POLICIES))
    parser.add_argument("--name", default="revisions", help="of the file of results")
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.step_repetitions, options.steps = 2, 1, 2
        options.sizes, options.step_sizes = options.sizes[:1], options.step_sizes[:1]
    revisions = [Revision(name, _check_out(name)) for name in options.revisions]
    rates = _measure_rates(revisions, options.sizes, options.repetitions)
    _report(options, rates, {})  # steps take longer
    ratios = _measure_steps(
        revisions,
        options.step_policies,
        options.step_sizes,
        options.step_repetitions,
        options.steps,
    )
    for revision in revisions:
        revision.close()
    _report(options, rates, ratios)


def _report(options: argparse.Namespace, rates: _Samples, ratios: _Samples) -> None:
    """Print the targets and write what is measured."""
    first, last = options.revisions[0], options.revisions[-1]
    targets = [
        target(f"{label}: rate of {last} over {first}", value, RATE_GOAL, at_least=True)
        for label, samples in rates.items()
        for value in [statistics.median(_ratios(samples[last], samples[first]))]
    ]
    targets += [
        target(f"{label}: over ready views", value, STEP_GOAL, at_least=False)
        for label, samples in ratios.items()
        for value in [statistics.median(samples[last])]
    ]
    samples = {"options": vars(options), "rates": rates, "step_ratios": ratios}
    write(options.name, samples, targets, options.quick)


if __name__ == "__main__":
    main()
