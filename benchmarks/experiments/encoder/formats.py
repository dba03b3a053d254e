"""What bf16 costs with and without instructions for it.

oneDNN can be held to fewer instructions than the processor has, as if it were an older one, but
only before torch is loaded: `python -m benchmarks.experiments.encoder.formats ROUNDS SIDE...` is
one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import torch

from benchmarks.experiments.encoder.sides import build

#: What oneDNN calls them; the first is whatever the machine has.
INSTRUCTIONS = {
    "all of this machine": "DEFAULT",
    "AVX512 without BF16": "AVX512_CORE",
    "AVX2": "AVX2",
}
_BATCH, _RESOLUTION = 64, 32


def machine() -> dict[str, Any]:
    """What decides the number format, as torch sees the processor."""
    return {
        "amx": bool(torch.cpu._is_amx_tile_supported()),
        "avx512_bf16": bool(torch.cpu._is_avx512_bf16_supported()),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "onednn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
    }


def _measured(side: str, rounds: int) -> dict[str, float]:
    """Seconds of a forward and backward pass in both formats, which are taken in turn."""
    torch.manual_seed(0)
    encoder = build(side, _RESOLUTION).to(memory_format=torch.channels_last)
    images = torch.randn(_BATCH, 3, _RESOLUTION, _RESOLUTION)
    images = images.contiguous(memory_format=torch.channels_last)
    taken: dict[str, list[float]] = {"bf16": [], "fp32": []}
    for _ in range(rounds + 1):
        for name, seconds in taken.items():
            begun = time.process_time()
            half = torch.autocast("cpu", torch.bfloat16)
            with half if name == "bf16" else contextlib.nullcontext():
                features = encoder(images)
            features.float().square().mean().backward()
            seconds.append(time.process_time() - begun)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


def formats(sides: list[str], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Seconds by instructions, side and format."""
    found = {}
    for name, isa in INSTRUCTIONS.items():
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.experiments.encoder.formats", str(rounds), *sides],
            env={**os.environ, "ONEDNN_MAX_CPU_ISA": isa},
            capture_output=True,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({side: _measured(side, int(sys.argv[1])) for side in sys.argv[2:]}))
