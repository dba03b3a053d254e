"""What strategies see and say: records of trials, plans. Plain values, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from quarterturn.policy.schema import Policy
from quarterturn.pretrain.outcome import HELD_OUT, VOTERS, Outcome

TrialState = Literal["queued", "running", "completed", "failed", "crashed", "cancelled"]
Origin = Literal["baseline", "base", "search"]
FINAL_STATES = frozenset({"completed", "failed", "crashed", "cancelled"})

#: What a trial is for. `base`, `search` and `confirmation` pretrain a candidate and score it;
#: `fold/K` pretrains a fold's encoder, `density/...` scores policies on it without pretraining;
#: `source/K` and `warm_up` pretrain what candidates start from, `final` what is handed out.
SEARCH, BASE, CONFIRMATION = "search", "base", "confirmation"

#: What the criterion `auto` reads of a trial: its voters, their errors, and the same on images that
#: selection never sees.
VOTES = (
    *VOTERS,
    *(f"{name}_error" for name in VOTERS),
    *(f"{HELD_OUT}{name}" for name in VOTERS),
)


def vote(metrics: Mapping[str, Any]) -> dict[str, float]:
    """What the criterion `auto` needs of the metrics of a trial."""
    return {name: float(metrics[name]) for name in VOTES if metrics.get(name) is not None}


#: (candidate, seed, iterations, task): what identifies a trial within a job.
Place = tuple[str, int, int, str]


@dataclass(frozen=True)
class Candidate:
    """A policy of a job; `key` is the start of its digest, so equal policies are one candidate.

    `number` and `parameters` are those of the proposal, where a sampler made it.
    """

    key: str
    policy: Policy
    origin: Origin
    number: int | None = None
    parameters: dict[str, Any] | None = None

    @classmethod
    def of(cls, policy: Policy, origin: Origin) -> Candidate:
        return cls(policy.digest[:16], policy, origin)

    @property
    def name(self) -> str:
        return self.policy.name


@dataclass(frozen=True)
class Entrant:
    """All of a candidate that a ranking needs, where its policy need not be read."""

    key: str
    name: str
    origin: Origin


@dataclass(frozen=True)
class Proposal:
    """A proposal of a sampler as recorded: enough to build its policy again."""

    key: str
    number: int
    parameters: dict[str, Any]


@dataclass(frozen=True)
class TrialRecord:
    """A trial as recorded: `score` is that of the job's criterion once completed (larger is
    better), `held_out` the same on images that selection never sees, `untrained` the rotation
    accuracy of its encoder before training, `seconds` and iterations what it took. Density trials
    have a `payload` and a `result` instead of a score. `criteria` are what the criterion `auto`
    decides by, with their errors, and under `held_out_` on images that selection never sees.
    """

    candidate: str
    seed: int
    iterations: int
    task: str = SEARCH
    state: TrialState = "queued"
    score: float | None = None
    sampling_error: float = 0.0
    collapsed: bool = False
    iterations_run: int = 0
    seconds: float = 0.0
    resume_from: int = 0
    held_out: float | None = None
    untrained: float | None = None
    payload: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    criteria: Mapping[str, float] = field(default_factory=dict)

    @property
    def held_out_criteria(self) -> dict[str, float]:
        """The criteria on images that selection never sees; those that were not measured there, as
        a small set has too few, are those of the images that it does see.
        """
        return {
            name: self.criteria.get(f"{HELD_OUT}{name}", value)
            for name, value in self.criteria.items()
            if not name.startswith(HELD_OUT)
        }

    @property
    def place(self) -> Place:
        """What identifies a trial within a job."""
        return self.candidate, self.seed, self.iterations, self.task

    @classmethod
    def of(cls, request: TrialRequest, outcome: Outcome, seconds: float) -> TrialRecord:
        """The record of a completed trial."""
        return cls(
            *request.place,
            state="completed",
            score=outcome.score,
            sampling_error=outcome.sampling_error or 0.0,
            held_out=outcome.held_out,
            collapsed=bool(outcome.collapsed),
            iterations_run=outcome.iterations_run,
            seconds=seconds,
            resume_from=request.resume_from,
            payload=request.payload,
            untrained=outcome.metrics.get("rotation_untrained"),
            result=outcome.stored_metrics if request.payload is not None else None,
            criteria=vote(outcome.metrics),
        )


@dataclass(frozen=True)
class History:
    """All trials and proposals of a job, in any order, and the seconds since the first began."""

    trials: tuple[TrialRecord, ...] = ()
    elapsed_seconds: float = 0.0
    proposals: tuple[Proposal, ...] = ()

    def by_place(self) -> dict[Place, TrialRecord]:
        return {trial.place: trial for trial in self.trials}

    def completed(self, task: str) -> list[TrialRecord]:
        """The completed trials of a task that have a score."""
        return [
            t
            for t in self.trials
            if t.task == task and t.state == "completed" and t.score is not None
        ]


@dataclass(frozen=True)
class TrialRequest:
    """A trial that a strategy wants, continuing from `resume_from` iterations (0: from scratch).

    `schedule` is the length of the learning-rate schedule, where it is not `iterations`. The
    `iterations` of a density trial are what its forward passes cost in iterations of pretraining.
    """

    candidate: Candidate
    seed: int
    iterations: int
    resume_from: int = 0
    task: str = SEARCH
    schedule: int | None = None
    payload: dict[str, Any] | None = None

    @property
    def place(self) -> Place:
        return self.candidate.key, self.seed, self.iterations, self.task

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


@dataclass(frozen=True)
class Wanted:
    """All trials that a strategy wants so far, recorded ones included, and whether that is all."""

    requests: list[TrialRequest]
    complete: bool


def final(requests: list[TrialRequest], records: Mapping[Place, TrialRecord]) -> bool:
    """Whether all requests have ended, one way or another."""
    return all(r.place in records and records[r.place].state in FINAL_STATES for r in requests)
