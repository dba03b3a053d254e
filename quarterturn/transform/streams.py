"""Which stream of random numbers a call draws from: one rule, without hidden state.

| seed | `step` | the draws of a call follow from |
| given | given | seed and step alone: neither worker, rank nor what was called before |
| given | not | seed, rank, the seed that torch gave the worker, and the number of the call |
| not | - | torch's generator (`torch.manual_seed`) and the rank |

Ranks that share a seed draw apart (compare facebookresearch/deit#150), and so do workers and epochs
of a DataLoader.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import torch
from torch.utils.data import get_worker_info


def current_rank() -> int:
    """The rank of this process: of the process group, else what `torchrun` says, else 0."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank()
    told = os.environ.get("RANK", "0")
    return int(told) if told.isdecimal() else 0


def named_seed(*parts: int | str) -> int:
    """62 bits from the parts of a name; other names give other seeds."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 2


def seed_of_step(seed: int, step: int | Sequence[int]) -> int:
    """Of draws that are named by a step, such as (epoch, index)."""
    parts = (step,) if isinstance(step, int) else tuple(int(part) for part in step)
    return named_seed(seed, "step", *parts)


def seed_of_call(seed: int | None, rank: int) -> int:
    """Of draws that follow the calls of this process."""
    worker = get_worker_info()
    if seed is None:
        # torch's seed differs between DataLoader workers and epochs, as users expect.
        return named_seed(int(torch.randint(2**62, ()).item()), "rank", rank)
    # Each worker has a copy of the transform, which starts anew every epoch.
    return named_seed(seed, "rank", rank, "worker", worker.seed if worker else -1)
