"""bench-gpu: everything that needs an accelerator, in one script of less than ten minutes.

* Is every operation the same as on the CPU?
* Images per second of five whole policies, against kornia where it is installed.
* What augmentation adds to a step, for small encoders and for ResNet-18.
* Seconds of a whole candidate, pretraining and score.
* Images per second of steps on streamed images, over those of the same images resident.
* Recorded steps (CUDA graphs), against others: seconds, and whether they come out the same.
* Steps of candidates per second in packs of 1, 2, 4, 8 and 16, over those of candidates alone; and
  seconds per candidate of a whole pack, score included, of the size that a worker would choose.

What would begin after eight minutes is left out, and named in the results.

Beside torch and torchvision it needs what `core` imports (pydantic, scipy, safetensors), no
database, no network and no image set: images are made up. `--device cpu` tries the script itself.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.accelerator.images import made_up, smooth_images
from benchmarks.accelerator.recording import measure_recording
from benchmarks.accelerator.streaming import measure_streaming
from benchmarks.augment.policies import WHOLE, single
from benchmarks.report import spread, target, write
from benchmarks.step import measure
from core.augmentation import Draws, augment, eager
from core.augmentation.sampling import draw_program
from core.policies.recipes import BASELINES, moco_v2
from core.policies.schema import Policy
from core.pretraining.checkpoints import CheckpointStore
from core.pretraining.data import TrialData
from core.pretraining.execute import execute_trial
from core.pretraining.hardware import choose_device
from core.pretraining.packs.execute import PackedTrial, execute_pack
from core.pretraining.packs.size import SIZES, best_size
from core.pretraining.packs.size import throughput as measure_pack
from core.pretraining.spec import PretrainingSpec, TrialSpec
from core.storage.folder import FolderStorage

_BATCH = {32: 512, 96: 256, 224: 128}
_OVER_KORNIA = 5.0
_LATEST = 480.0


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _rate(act: Callable[[], Any], images: int, device: torch.device, seconds: float) -> list[float]:
    """Images per second, several times."""
    rates: list[float] = []
    for _ in range(3):
        act()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(rates) < 5:
        _synchronise(device)
        started = time.perf_counter()
        act()
        _synchronise(device)
        rates.append(images / (time.perf_counter() - started))
    return rates


def _parity(device: torch.device) -> dict[str, float]:
    """Of each operation, the share of values that differ from the CPU's by more than rounding."""
    found = {}
    images = smooth_images(32, 32, torch.device("cpu"))
    for name, policy in single().items():
        if name == "gaussian_noise":  # its noise is drawn on the device
            continue
        steps = draw_program(policy.view(0), Draws(0), len(images), 32, 32)
        here = eager.execute(steps, images, Draws(0))
        there = eager.execute(steps, images.to(device), Draws(0, device=device)).cpu()
        found[name] = float(((here - there).abs() > 1e-3).float().mean())
    return found


def _augment(device: torch.device, seconds: float) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    samples: dict[str, Any] = {}
    targets = []
    with_kornia = importlib.util.find_spec("kornia") is not None
    for size, batch in _BATCH.items():
        images = smooth_images(size, batch, device)
        for name, policy in WHOLE.items():

            def ours(policy: Policy = policy, images: torch.Tensor = images) -> torch.Tensor:
                return augment(images, policy.view(0), Draws(0, device=device))

            label = f"{name}, {size} px"
            rates = {"quarterturn": _rate(ours, batch, device, seconds)}
            if with_kornia:
                from benchmarks.augment import kornia

                theirs = kornia.build(policy, size)
                floats = images.float() / 255.0

                def other(floats: torch.Tensor = floats, apply: Any = theirs) -> Any:
                    return apply(floats)

                rates["kornia"] = _rate(other, batch, device, seconds)
                ratio = statistics.median(rates["quarterturn"]) / statistics.median(rates["kornia"])
                targets.append(target(f"{label}: times kornia", ratio, _OVER_KORNIA, at_least=True))
            samples[label] = rates
            shown = ", ".join(f"{who} {spread(values)}" for who, values in rates.items())
            print(f"{label}: images per second: {shown}", flush=True)
    return samples, targets


def _trial(encoder: str, iterations: int, seed: int = 0) -> TrialSpec:
    return TrialSpec.model_validate(
        {
            "pretraining": {"encoder": encoder}, "scoring": {}, "seed": seed,
            "iterations": iterations, "schedule_iterations": iterations,
        }
    )  # fmt: skip


def _candidate(data: TrialData, encoder: str, iterations: int) -> list[float]:
    """Seconds of a trial; the first, which warms up, is left out."""
    spec = _trial(encoder, iterations)
    taken = []
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            execute_trial(
                spec, moco_v2(), data.pretrain.shape[-1], data, job="bench", candidate="one",
                checkpoints=CheckpointStore(FolderStorage(Path(folder))), watch=lambda _: None,
            )  # fmt: skip
            taken.append(time.perf_counter() - started)
    return taken[1:]


def _packs(data: TrialData, encoder: str, method: str, steps: int) -> dict[str, Any]:
    """Throughput of all sizes that fit, and which a worker would choose."""
    spec = PretrainingSpec.model_validate({"encoder": encoder, "method": method})
    chosen, _ = best_size(spec, data, moco_v2(), steps)
    found = []
    for size in SIZES:
        throughput = measure_pack(spec, data, moco_v2(), size, steps)
        if throughput is None:
            print(f"pack, {encoder}, {method}: {size} do not fit")
            break
        found.append({**asdict(throughput), "times_alone": throughput.rate})
        found[-1]["times_alone"] /= found[0]["rate"]
        print(
            f"pack, {encoder}, {method}: {size} at once: {throughput.rate:.4g} steps of candidates "
            f"per second, {found[-1]['times_alone']:.3f} times alone, "
            f"{throughput.bytes_each / 2**20:.0f} MiB each",
            flush=True,
        )
    print(f"pack, {encoder}, {method}: {chosen} would be chosen")
    return {"chosen": chosen, "sizes": found}


def _packed_candidates(data: TrialData, encoder: str, size: int, iterations: int) -> list[float]:
    """Seconds per candidate of whole packs, with policies of their own; the first is left out."""
    policies = [recipe() for recipe in BASELINES.values()]
    taken = []
    for _ in range(3):
        trials = [
            PackedTrial(
                _trial(encoder, iterations, seed=place), policies[place % len(policies)],
                f"c{place}", lambda _: None,
            )
            for place in range(size)
        ]  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            outcomes = execute_pack(
                trials, data.pretrain.shape[-1], data, job="bench",
                checkpoints=CheckpointStore(FolderStorage(Path(folder))),
            )  # fmt: skip
            for _, outcome in outcomes:
                if isinstance(outcome, Exception):
                    raise outcome
            taken.append((time.perf_counter() - started) / size)
    return taken[1:]


def _candidates(data: TrialData, encoder: str, quick: bool, samples: dict[str, Any]) -> None:
    """Alone and in packs."""
    taken = _candidate(data, encoder, 3 if quick else 300)
    samples["candidate"][encoder] = taken
    print(f"candidate, {encoder}: {spread(taken)} s", flush=True)
    for method in ("simclr", "moco_v2"):
        label = f"{encoder}, {method}"
        samples["packs"][label] = _packs(data, encoder, method, 3 if quick else 20)
    size = samples["packs"][f"{encoder}, simclr"]["chosen"]
    packed = _packed_candidates(data, encoder, size, 3 if quick else 300)
    samples["candidate"][f"{encoder}, {size} at once"] = packed
    print(f"candidate, {encoder}, {size} at once: {spread(packed)} s each", flush=True)


def main() -> None:
    """All parts; writes what a GPU gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--encoders", nargs="+", default=["resnet_tiny", "resnet_small", "resnet18"]
    )
    options = parser.parse_args()
    started = time.perf_counter()
    device = choose_device(options.device)
    quick = options.quick or device.type != "cuda"
    encoders = options.encoders[:1] if quick else options.encoders
    samples: dict[str, Any] = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "parity": _parity(device),
    }
    worst = max(samples["parity"].values())
    targets = [target("operations: share of values unlike the CPU's", worst, 0.002, at_least=False)]
    samples["augment"], more = _augment(device, 0.1 if quick else 2.0)
    data = made_up(32, device)
    samples["step"], steps = measure(data, encoders, 256, 3 if quick else 60)
    samples["streaming"] = measure_streaming(device, 3 if quick else 60, quick)
    samples["recording"] = measure_recording(data, encoders, 6 if quick else 200)
    samples |= {"candidate": {}, "packs": {}, "left_out": []}
    for encoder in encoders:
        if time.perf_counter() - started > _LATEST:
            samples["left_out"].append(f"candidates and packs of {encoder}")
            continue
        _candidates(data, encoder, quick, samples)
    if samples["left_out"]:
        print("left out, as the time is over:", ", ".join(samples["left_out"]))
    write("gpu", samples, [*targets, *more, *steps], quick)


if __name__ == "__main__":
    main()
