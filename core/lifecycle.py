"""The one transition table. No state changes except along these arrows; final states have none."""

from __future__ import annotations

DATASET: dict[str, frozenset[str]] = {
    "ready": frozenset({"deleting"}),
    "deleting": frozenset({"deleted"}),
    "deleted": frozenset(),
}

#: A checkpoint lives as a dataset does.
CHECKPOINT = DATASET

JOB: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "paused", "stopping", "cancelling", "failed"}),
    "running": frozenset({"completed", "failed", "paused", "stopping", "cancelling"}),
    "paused": frozenset({"queued", "running", "stopping", "cancelling"}),
    "stopping": frozenset({"completed", "failed", "cancelling"}),
    "cancelling": frozenset({"cancelled"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}

#: running -> queued is a retry: the worker was lost, or handed the trial back.
TRIAL: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset({"completed", "failed", "cancelled", "queued", "crashed"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "crashed": frozenset(),
    "cancelled": frozenset(),
}

#: Jobs whose trials may be taken up by workers.
OPEN_JOBS = ("queued", "running")
#: Jobs that are on their way to an end, with the reason that they and their trials end with: no
#: trial of theirs begins, or begins again.
ENDING_JOBS = {"stopping": "stopped", "cancelling": "cancelled"}

TABLES: dict[str, dict[str, frozenset[str]]] = {
    "datasets": DATASET,
    "checkpoints": CHECKPOINT,
    "jobs": JOB,
    "trials": TRIAL,
}


def sources(table: str, target: str) -> list[str]:
    """The states from which `target` may be entered."""
    return sorted(state for state, targets in TABLES[table].items() if target in targets)


def final(table: str) -> frozenset[str]:
    """The states that nothing leaves."""
    return frozenset(state for state, targets in TABLES[table].items() if not targets)


def active(table: str) -> list[str]:
    """The states that something leaves."""
    return sorted(set(TABLES[table]) - final(table))
