"""bench-augment: images per second of every operation and of five whole policies.

Each image draws for itself, on all sides. One core: the libraries that take one image at a time
are run in many processes, and so are our workers. Policies are built from one document for every
library, operations with the same range of strengths. Ours returns float batches, the others what
they are fastest at: bytes for torchvision and albumentations, which then still have to be stacked
and converted; that is not counted. Libraries take turns within each repetition.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import Any

import torch

from benchmarks.datasets.photographs import pieces
from benchmarks.harness.report import target, write
from benchmarks.performance.augment.peers import Apply, Library, ours, peers
from benchmarks.performance.augment.policies import WHOLE, single
from quarterturn.policy.schema import Policy

#: Images of a batch.
_BATCH = {32: 256, 96: 64, 224: 16}
#: Untimed calls. After one, memory and clocks are not what they are later.
_WARM_UP = 4
#: Of a measurement. A batch of small images takes a millisecond; the first after those of another
#: library finds cold caches, and memory that was given back.
_LEAST_SECONDS = 0.1
_GOALS = {32: 3.0, 224: 1.0}


def _rate(apply: Apply, images: Any, device: torch.device, count: int) -> float:
    """Images per second over as many calls as a measurement lasts."""
    calls, began = 0, time.perf_counter()
    while True:
        apply(images)
        calls += 1
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
        if seconds >= _LEAST_SECONDS:
            return calls * count / seconds


def _rates(
    policy: Policy, libraries: list[Library], images: torch.Tensor, repetitions: int
) -> dict[str, list[float]]:
    """Images per second of each library that can, one number per repetition."""
    size = images.shape[-1]
    ready: dict[str, tuple[Apply, Any]] = {}
    for library in libraries:
        try:
            apply = library.build(policy, size)
        except LookupError:
            continue
        ready[library.name] = (apply, library.prepare(images))
        for _ in range(_WARM_UP):
            apply(ready[library.name][1])
    rates: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(repetitions):
        for name, (apply, inputs) in ready.items():
            rates[name].append(_rate(apply, inputs, images.device, len(images)))
    return rates


def _line(name: str, rates: dict[str, list[float]], libraries: list[Library]) -> str:
    cells = []
    for library in libraries:
        if library.name not in rates:
            cells.append(f"{'-':>20}")
            continue
        low, middle, high = statistics.quantiles(rates[library.name], n=4)
        cells.append(f"{middle:>8,.0f} ({low:,.0f}-{high:,.0f})".rjust(20))
    return f"{name:20}" + "".join(cells)


def _advantage(rates: dict[str, list[float]]) -> float:
    """Median over repetitions of ours over the fastest peer."""
    others = [values for name, values in rates.items() if name != "quarterturn"]
    if not others:
        return float("nan")
    best = max(others, key=statistics.median)
    pairs = zip(rates["quarterturn"], best, strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 96, 224])
    options = parser.parse_args()
    if options.quick:
        options.repetitions, options.sizes = 3, options.sizes[:1]
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    import cv2

    cv2.setNumThreads(0)
    libraries = [ours(), *peers()]
    samples: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for size in options.sizes:
        images = pieces(size, _BATCH.get(size, 16))
        print(f"\n{size} px, images per second: median (quartiles) of {options.repetitions}")
        print(f"{'':20}" + "".join(f"{library.name:>20}" for library in libraries) + "  ours/best")
        _rates(WHOLE["crop + flip"], libraries, images, 2)
        for name, policy in {**WHOLE, **single()}.items():
            rates = _rates(policy, libraries, images, options.repetitions)
            advantage = _advantage(rates)
            print(f"{_line(name, rates, libraries)}{advantage:9.2f}x", flush=True)
            samples.setdefault(str(size), {})[name] = rates
            if name in WHOLE and size in _GOALS:
                label = f"{name} at {size} px: times the fastest peer"
                targets.append(target(label, advantage, _GOALS[size], at_least=True))
    print()
    write("augment", samples, targets, options.quick)


if __name__ == "__main__":
    main()
