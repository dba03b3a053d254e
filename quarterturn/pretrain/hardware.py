"""What the hardware offers: device, number format, threads."""

from __future__ import annotations

import contextlib
import os
from contextlib import AbstractContextManager

import torch

#: Questions that torch answers about instructions of the CPU; private, so they may be missing.
_FAST_BFLOAT16 = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def choose_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def device_memory(device: torch.device) -> tuple[int, int] | None:
    """Bytes of a GPU, and how many are used by whomever; None on a CPU."""
    if device.type != "cuda":
        return None
    free, size = torch.cuda.mem_get_info(device)
    return size, size - free


def free_memory(device: torch.device) -> float:
    """Bytes of a GPU that this process can still take, with what torch keeps for it; without end
    on a CPU.
    """
    if device.type != "cuda":
        return float("inf")
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bf16 is faster than fp32: GPUs of the last generations, CPUs with AMX or AVX512-BF16.

    A step of `resnet_small` takes two thirds of the time with AVX512-BF16, and was measured three
    times slower on a CPU with neither.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    checks = (getattr(torch.cpu, name, None) for name in _FAST_BFLOAT16)
    return any(check is not None and check() for check in checks)


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """bf16 autocast where it pays, nothing elsewhere."""
    if not has_fast_bfloat16(device):
        return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def limit_threads(threads: int, workers: int = 1) -> int:
    """Set torch's threads: `threads`, or the cores shared among `workers`.

    Two processes with a thread per core each wait for one another at every barrier and have been
    seen to run twenty times slower.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    chosen = threads or max(1, (available or 1) // max(1, workers))
    torch.set_num_threads(chosen)
    return chosen
