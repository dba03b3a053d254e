"""Numbers drawn on the CPU, on their way to a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

#: CUDA stages as much by itself. Of more in pageable memory it first does all that was sent before.
_STAGED_BYTES = 2**16


def send(values: NDArray[Any], device: torch.device) -> torch.Tensor:
    """`values` on the device, which is not waited for."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    if device.type == "cuda" and tensor.nbytes > _STAGED_BYTES:
        # torch keeps the pinned memory until the copy has been made, and then uses it again.
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
