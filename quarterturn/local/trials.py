"""Trials as the folder of a search keeps them: a line of JSON each; the last may be torn."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.pretrain.outcome import Outcome
from quarterturn.search.history import Candidate, TrialRecord, TrialRequest


@dataclass(frozen=True)
class FinishedTrial:
    """A trial that has ended.

    Attributes:
        record: state, score and lengths, as strategies see them.
        metrics: all criteria; empty where the trial failed.
        curve: (iteration, loss) pairs.
        message: why it failed.
        elapsed: seconds of the search when it ended.
    """

    candidate: Candidate
    record: TrialRecord
    metrics: Mapping[str, Any]
    curve: list[Any]
    message: str | None = None
    elapsed: float = 0.0

    @property
    def policy(self) -> Policy:
        return self.candidate.policy

    def to_json(self) -> str:
        candidate = {
            "key": self.candidate.key,
            "policy": self.candidate.policy.to_document(),
            "origin": self.candidate.origin,
            "number": self.candidate.number,
            "parameters": self.candidate.parameters,
        }
        rest = {name: getattr(self, name) for name in ("metrics", "curve", "message", "elapsed")}
        return json.dumps({"candidate": candidate, "record": asdict(self.record), **rest})

    @classmethod
    def from_json(cls, text: str) -> FinishedTrial:
        """Raises ValueError, KeyError or TypeError where the line is not whole."""
        document = json.loads(text)
        candidate = document.pop("candidate")
        policy = Policy.model_validate(candidate.pop("policy"))
        record = TrialRecord(**document.pop("record"))
        return cls(Candidate(policy=policy, **candidate), record, **document)


def finished_trial(request: TrialRequest, outcome: Outcome, seconds: float) -> FinishedTrial:
    """A completed trial, from what it ended with."""
    record = TrialRecord.of(request, outcome, seconds)
    return FinishedTrial(
        request.candidate, record, outcome.stored_metrics, list(outcome.curve or [])
    )


def failed_trial(request: TrialRequest, message: str, state: str = "failed") -> FinishedTrial:
    """A trial that ended without a result; `state` is `failed` or `crashed`."""
    record = TrialRecord(*request.place, payload=request.payload, resume_from=request.resume_from)
    record = replace(record, state=state)  # type: ignore[arg-type]
    return FinishedTrial(request.candidate, record, {}, [], message)


class TrialLog:
    """The file of a search's trials; read at the start, appended to, each line on disk at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[FinishedTrial]:
        """All whole lines; the rest of a line that was being written is cut off."""
        if not self._path.exists():
            return []
        trials = []
        data = self._path.read_bytes()
        whole = 0
        for line in data.splitlines(keepends=True):
            try:
                trials.append(FinishedTrial.from_json(line.decode()))
            except (ValueError, KeyError, TypeError):
                break
            whole += len(line)
        if whole < len(data):
            os.truncate(self._path, whole)
        return trials

    def append(self, trial: FinishedTrial) -> None:
        """Write a trial, and see that it is on disk."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(trial.to_json() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
