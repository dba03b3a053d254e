"""Worker processes of this machine, for trials and for decoding."""

from quarterturn.processes.pool import Processes, WorkerDiedError

__all__ = ["Processes", "WorkerDiedError"]
