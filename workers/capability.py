"""What this machine offers to trials. Asked in a process of its own: CUDA must not be touched
before Celery forks.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from core.placement import Capability

logger = logging.getLogger(__name__)

_QUESTION = """
import json, sys, torch
from quarterturn.pretrain.hardware import choose_device
device = choose_device(sys.argv[1])
cuda = device.type == "cuda"
memory = torch.cuda.get_device_properties(device).total_memory if cuda else 0
print(json.dumps([device.type, memory]))
"""
#: Where the kernel shows a GPU that CUDA can use; WSL has the last.
_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg")


def detect(device: str) -> Capability:
    """The capability of a worker on a device by its name in the settings. Without a GPU in sight
    nothing is asked, which would take seconds.
    """
    linux_without = sys.platform == "linux" and not any(Path(node).exists() for node in _NODES)
    if device == "cpu" or (device == "auto" and linux_without):
        return Capability("cpu")
    asked = subprocess.run(
        [sys.executable, "-c", _QUESTION, device], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        logger.warning("the device %s cannot be asked: %s", device, asked.stderr[-500:])
        return Capability(device.split(":")[0] if device != "auto" else "cpu")
    kind, memory = json.loads(asked.stdout.splitlines()[-1])
    return Capability(kind, memory)
