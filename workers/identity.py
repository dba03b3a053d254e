"""What this worker process is called."""

from __future__ import annotations

import os
import socket


def worker_name() -> str:
    """Host and process id."""
    return f"{socket.gethostname()}/{os.getpid()}"
