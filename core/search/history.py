"""What strategies see and say: records of trials, plans. Plain values, no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from core.policies.schema import Policy

TrialState = Literal["queued", "running", "completed", "failed", "crashed", "cancelled"]
FINAL_STATES = frozenset({"completed", "failed", "crashed", "cancelled"})


@dataclass(frozen=True)
class Candidate:
    """A policy of a job; `key` is the start of its digest, so equal policies are one candidate."""

    key: str
    policy: Policy
    origin: Literal["baseline", "search"]

    @classmethod
    def of(cls, policy: Policy, origin: Literal["baseline", "search"]) -> Candidate:
        return cls(policy.digest[:16], policy, origin)


@dataclass(frozen=True)
class TrialRecord:
    """A trial as recorded: `score` in [0, 1] once completed, `seconds` and iterations it took."""

    candidate: str
    seed: int
    iterations: int
    state: TrialState
    score: float | None = None
    sampling_error: float = 0.0
    collapsed: bool = False
    iterations_run: int = 0
    seconds: float = 0.0

    @property
    def place(self) -> tuple[str, int, int]:
        """What identifies a trial within a job."""
        return self.candidate, self.seed, self.iterations


@dataclass(frozen=True)
class History:
    """All trials of a job, in any order, and the seconds since its first trial began."""

    trials: tuple[TrialRecord, ...] = ()
    elapsed_seconds: float = 0.0

    def by_place(self) -> dict[tuple[str, int, int], TrialRecord]:
        return {trial.place: trial for trial in self.trials}


@dataclass(frozen=True)
class TrialRequest:
    """A trial that a strategy wants, continuing from `resume_from` iterations (0: from scratch)."""

    candidate: Candidate
    seed: int
    iterations: int
    resume_from: int = 0

    @property
    def place(self) -> tuple[str, int, int]:
        return self.candidate.key, self.seed, self.iterations

    @property
    def cost(self) -> int:
        return self.iterations - self.resume_from


@dataclass(frozen=True)
class Plan:
    """What is to be done next.

    Attributes:
        trials: to be queued now, in order.
        withdraw: whether trials still queued are to be cancelled (the budget is spent).
        finished: whether nothing more will come: rank and select.
        exhausted: the budget that ended the search early: trials, iterations or seconds.
    """

    trials: tuple[TrialRequest, ...] = field(default=())
    withdraw: bool = False
    finished: bool = False
    exhausted: str | None = None
