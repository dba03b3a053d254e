"""bench-gpu: everything that needs an accelerator, in one script of less than ten minutes.

* Is every operation the same as on the CPU?
* What augmentation adds to a step, for small encoders and for ResNet-18.
* Seconds of a whole candidate, pretraining and score; steps of candidates per second in packs of 1,
  2, 4, 8 and 16, over those of candidates alone; seconds per candidate of whole packs of the size
  that a worker would choose; and those of the paper's recipe.
* Images per second of steps on streamed images, over those of the same images resident.
* Recorded steps (CUDA graphs), against others: seconds, and whether they come out the same.
* Images per second of each operation, and of five whole policies, against plain torch, and kornia
  where it is installed.

What would begin after eight minutes is left out, and named in the results; a part that fails is
named too, and the others go on. The results are written after every part.

It needs no database, no network and no image set: images are made up. `make gpu-bundle` makes a
folder that holds all that it needs beside torch and torchvision, for a machine that has no more.
`--device cpu` tries the script itself.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import torch

from benchmarks.harness.report import RESULTS, save, show
from benchmarks.performance.accelerator import augmenting, candidates
from benchmarks.performance.accelerator.images import made_up
from benchmarks.performance.accelerator.parts import Parts
from benchmarks.performance.accelerator.recording import measure_recording
from benchmarks.performance.accelerator.streaming import measure_streaming
from benchmarks.performance.step.measuring import measure as measure_step
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device

_LATEST = 480.0
_METHODS = ("moco_v2", "simclr")


def _add_candidates(parts: Parts, data: TrialData, encoder: str, quick: bool) -> None:
    """Alone, and in packs."""
    few, iterations = (2, 3) if quick else (20, 300)
    alone = partial(candidates.measure_alone, data, encoder, iterations, quick)
    parts.add(f"candidate, {encoder}", alone)
    for method in _METHODS[:1] if quick else _METHODS:
        packs = partial(candidates.measure_packs, data, encoder, method, few, quick)
        parts.add(f"packs, {encoder}, {method}", packs)
    measured = parts.samples.get(f"packs, {encoder}, {_METHODS[0]}")
    size = measured["chosen"] if measured else 1
    packed = partial(candidates.measure_packed, data, encoder, size, iterations, quick)
    parts.add(f"candidates at once, {encoder}", packed)


def _add_paper(parts: Parts, data: TrialData, encoder: str, quick: bool) -> None:
    packed = parts.samples.get(f"candidates at once, {encoder}")
    iterations = 3 if quick else 300
    paper = partial(candidates.measure_paper, data, encoder, iterations, quick, packed)
    parts.add(f"the paper's recipe, {encoder}", paper)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--encoders", nargs="+", default=["conv4", "resnet_small", "resnet18"])
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of gpu.json")
    parser.add_argument("--only", nargs="+", default=[], help="parts whose names begin so")
    parser.add_argument(
        "--latest", type=float, default=_LATEST, help="seconds; nothing begins later"
    )
    return parser.parse_args()


def main() -> int:
    """All parts; writes what a GPU gave. 1 if one has failed."""
    options = _options()
    device = choose_device(options.device)
    quick = options.quick or device.type != "cuda"
    encoders = options.encoders[:1] if quick else options.encoders

    def keep(parts: Parts) -> None:
        if not quick:
            save("gpu", parts.document(), parts.targets, options.out)

    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    parts = Parts(options.latest, keep, {"device": name}, only=tuple(options.only))
    parts.add("parity", partial(augmenting.measure_parity, device))
    data = made_up(32, device, 800 if quick else 8000)
    batch, steps = (32, 3) if quick else (256, 60)
    groups = steps if quick else 15
    parts.add("step", partial(measure_step, data, encoders, batch, groups))
    _add_candidates(parts, data, encoders[0], quick)
    _add_paper(parts, data, encoders[0], quick)
    parts.add("streaming", partial(measure_streaming, device, steps, quick))
    for encoder in encoders:
        recording = partial(measure_recording, data, encoder, quick)
        parts.add(f"recorded steps, {encoder}", recording)
    parts.add("policies", partial(augmenting.measure_policies, device, quick))
    parts.add("operations", partial(augmenting.measure_operations, device, quick))
    for encoder in encoders[1:]:
        _add_candidates(parts, data, encoder, quick)
    for encoder in encoders[1:]:
        _add_paper(parts, data, encoder, quick)
    show(parts.targets)
    for what, why in parts.failed.items():
        print(f"FAILED  {what}: {why}")
    if parts.left_out:
        print("left out, as the time is over:", "; ".join(parts.left_out))
    print("nothing written" if quick else f"written: {options.out / 'gpu.json'}")
    return 1 if parts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
