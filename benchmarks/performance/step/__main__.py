"""bench-step: what augmentation adds to a step of pretraining.

A step with the whole policy, from bytes of the cache to the optimiser, over the same step on views
that were made before. Both are taken in turn, on the same images and weights. On a CPU one thread,
as a worker has one core.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.experiments.correlation.collect import load_split
from benchmarks.harness.report import write
from benchmarks.performance.step.measuring import measure
from quarterturn.pretrain.hardware import choose_device


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--set", default="animal-mnist")
    parser.add_argument("--encoders", nargs="+", default=["conv4", "resnet_tiny", "resnet_small"])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    torch.set_num_threads(1)
    data = load_split(options.set, 2000).trial_data(device)
    samples, targets = measure(
        data, options.encoders, options.batch_size, 5 if options.quick else options.steps
    )
    name = "step" if device.type == "cpu" else "step-gpu"
    write(name, {"options": vars(options), "seconds": samples}, targets, options.quick)


if __name__ == "__main__":
    main()
