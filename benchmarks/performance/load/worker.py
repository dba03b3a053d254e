"""A worker whose trials train nothing: the product's own process, with the training replaced.

Claim, lease, heartbeat, log tail, report and dispatch are those of `workers.trial`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import workers.trial
from core.jobs.claim import ClaimedTrial
from workers.command import worker
from workers.held import HeldTrial


def _score(claimed: ClaimedTrial) -> float:
    """Always the same for a trial, and different for most."""
    text = f"{claimed.candidate}/{claimed.spec.seed}/{claimed.spec.iterations}"
    return 0.4 + int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32 / 2


def _untrained(held: list[HeldTrial]) -> Iterator[tuple[HeldTrial, dict[str, Any]]]:
    claimed = held[0].claimed
    held[0].watch(claimed.spec.iterations)
    score = _score(claimed)
    yield held[0], {
        "score": score, "held_out": score, "sampling_error": 0.01, "collapsed": False,
        # About as long as those of a real trial.
        "metrics": {f"criterion_{number}": score for number in range(34)},
        "curve": [[step, score] for step in range(20)],
        "iterations_run": claimed.spec.iterations - claimed.spec.resume_from,
        "pretraining_seconds": 0.001, "scoring_seconds": 0.001,
    }  # fmt: skip


if __name__ == "__main__":
    workers.trial._outcomes = _untrained
    worker(threads=1, device="cpu")
