"""One revision of the engine: times what it is asked for, a line of JSON each.

Runs as a script with the folder of the revision first on the path, so it imports that revision, and
only what all revisions have. Seconds are those of the processor.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch

from benchmarks.datasets.photographs import pieces
from benchmarks.performance.augment.peers import ours
from benchmarks.performance.augment.policies import WHOLE
from benchmarks.performance.step.measuring import compare
from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import PretrainingSpec

#: Images of a batch of the engine alone, and of a step, by their side in pixels.
BATCH = {32: 256, 64: 128, 96: 64, 224: 16}
STEP_BATCH = {32: 128, 64: 128, 96: 64, 224: 16}
_LEAST_SECONDS = 0.1


class Worker:
    """The policies and images of this process, made once."""

    def __init__(self) -> None:
        self._ready: dict[tuple[str, int], tuple[Any, torch.Tensor]] = {}

    def policy(self, name: str, size: int) -> float:
        """Images per second of a whole policy."""
        if (name, size) not in self._ready:
            library = ours()
            images = library.prepare(pieces(size, BATCH[size]))
            apply = library.build(WHOLE[name], size)
            for _ in range(4):  # the first compiles
                apply(images)
            self._ready[name, size] = apply, images
        apply, images = self._ready[name, size]
        calls, began = 0, time.perf_counter()
        while True:
            apply(images)
            calls += 1
            seconds = time.perf_counter() - began
            if seconds >= _LEAST_SECONDS:
                return calls * len(images) / seconds

    def step(self, name: str, size: int, steps: int) -> dict[str, list[float]]:
        """Seconds of steps of MoCo v2 with a policy, and of the same on ready views."""
        count = STEP_BATCH[size]
        images = pieces(size, 2 * count).to(memory_format=torch.channels_last)
        half = torch.full((1, 3, 1, 1), 0.5)
        data = TrialData(images, images[:1], images[:1], images[:1], half, half / 2)
        spec = PretrainingSpec.model_validate({"method": "moco_v2", "batch_size": count})
        return compare(data, spec, BASELINES[name](), steps)


def main() -> None:
    """Answer until there are no more lines."""
    torch.set_num_threads(1)
    # Also for `compare`: other processes of a busy machine are not counted.
    time.perf_counter = time.process_time
    worker = Worker()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(worker, asked.pop("do"))(**asked)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
