"""How many candidates a device trains at once: by measurement, within its memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import free_memory
from quarterturn.pretrain.packs.training import OUT_OF_MEMORY, Member, train_pack
from quarterturn.pretrain.spec import PretrainingSpec

SIZES = (1, 2, 4, 8, 16)
#: A larger pack has to be worth as much: it is slower to react, and lost as a whole.
_WORTH = 1.1
#: Of the free memory. The rest is for scoring, and for what fragments.
_SHARE = 0.8
#: Steps before the clock starts, by when they are recorded if they are to be, and on it.
_WARM_UP, _STEPS = 6, 20
#: Runs are measured as if they were so long.
_PLANNED = 10_000

#: By specification and device: what was measured, and what did not fit.
_measured: dict[str, int] = {}
_most: dict[str, int] = {}


@dataclass(frozen=True)
class Throughput:
    """Steps of candidates per second in a pack of `size`, and the bytes of a GPU that one of its
    candidates takes (0 on a CPU).
    """

    size: int
    rate: float
    bytes_each: float


def _key(spec: PretrainingSpec, data: TrialData) -> str:
    shape = tuple(data.pretrain.shape[1:])
    return f"{spec.model_dump_json()}/{shape}/{len(data.pretrain)}/{data.mean.device}"


def _nothing(step: int) -> None:
    pass


def throughput(
    spec: PretrainingSpec, data: TrialData, policy: Policy, size: int, steps: int = _STEPS
) -> Throughput | None:
    """Measured on runs that are thrown away; None if they do not fit into memory."""
    device = data.mean.device
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device) if on_gpu else 0
    started = 0.0

    def clock(step: int) -> None:
        nonlocal started
        if step == _WARM_UP:
            if on_gpu:
                torch.cuda.synchronize(device)
            started = time.perf_counter()

    try:
        members = [
            Member(
                trainer.start(spec, data, data.pretrain.shape[-1], k),
                policy,
                k,
                _nothing if k else clock,
            )
            for k in range(size)
        ]
    except OUT_OF_MEMORY:
        return None
    until = _WARM_UP + steps
    at_once = train_pack(members, data, spec, until=until, length=until, planned=_PLANNED)
    if at_once != size or any(isinstance(m.error, OUT_OF_MEMORY) for m in members):
        return None
    # The losses have come back from the device: nothing is still under way.
    rate = size * steps / (time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated(device) if on_gpu else before
    return Throughput(size, rate, (peak - before) / size)


def best_size(
    spec: PretrainingSpec,
    data: TrialData,
    policy: Policy,
    steps: int = _STEPS,
    sizes: Sequence[int] = SIZES,
) -> tuple[int, list[Throughput]]:
    """The size that is worth it, and what was measured: all sizes until one does not fit, or two in
    a row are not worth it.
    """
    found: list[Throughput] = []
    best: Throughput | None = None
    in_vain = 0
    for size in sizes:
        if found and size * found[-1].bytes_each > _SHARE * free_memory(data.mean.device):
            break
        now = throughput(spec, data, policy, size, steps)
        if now is None:
            break
        found.append(now)
        if best is None or now.rate >= _WORTH * best.rate:
            best, in_vain = now, 0
        else:
            in_vain += 1
        if in_vain == 2:
            break
    return best.size if best else 1, found


def remember_limit(spec: PretrainingSpec, data: TrialData, most: int) -> None:
    """A larger pack was out of memory."""
    key = _key(spec, data)
    _most[key] = min(most, _most.get(key, most))


def pack_size(
    asked: int | Literal["auto"], spec: PretrainingSpec, data: TrialData, policy: Policy
) -> int:
    """The size of packs of this specification.

    Args:
        asked: `auto` is what is best on a GPU, measured once, and 1 on a CPU, whose cores a single
            candidate keeps busy.
    """
    key = _key(spec, data)
    if asked == "auto":
        if data.mean.device.type == "cpu":
            return 1
        if key not in _measured:
            _measured[key], _ = best_size(spec, data, policy)
        asked = _measured[key]
    return min(asked, _most.get(key, asked))
