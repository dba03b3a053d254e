"""Asynchronous successive halving (Li et al. 2020): promotes as soon as a trial has ended.

What is recorded stays wanted, so the plan is a function of the set of records; which candidates
are proposed and promoted depends on the order in which trials end.
"""

from __future__ import annotations

import math

from quarterturn.search.history import (
    FINAL_STATES,
    SEARCH,
    Candidate,
    History,
    TrialRecord,
    TrialRequest,
    Wanted,
)
from quarterturn.search.incumbent import baselines
from quarterturn.search.proposals.observations import Observation
from quarterturn.search.proposals.source import drawn, grid, observations, propose, rebuilt
from quarterturn.search.spec import SearchSpec
from quarterturn.search.strategies.flat import repeated
from quarterturn.search.strategies.rungs import best_first, rung_iterations, rung_request
from quarterturn.search.strategy import AshaStrategy


def _fixed(spec: SearchSpec) -> list[Candidate] | None:
    """The candidates, where no sampler learns; baselines are not among them."""
    strategy = spec.strategy
    assert isinstance(strategy, AshaStrategy)
    known = {candidate.key for candidate in baselines(spec)}
    if strategy.proposals == "random":
        return [c for c in drawn(spec, strategy.candidates) if c.key not in known]
    if strategy.proposals == "grid":
        chosen = grid(spec.search_space, strategy.points, strategy.candidates)
        return [c for c in chosen if c.key not in known]
    return None


class _Search:
    """One round of planning."""

    def __init__(self, spec: SearchSpec, history: History) -> None:
        assert isinstance(spec.strategy, AshaStrategy)
        self.spec, self.strategy, self.history = spec, spec.strategy, history
        self.rungs = rung_iterations(spec)
        self.fixed = _fixed(spec)
        self.known = {
            candidate.key: candidate
            for candidate in (
                *baselines(spec),
                *(self.fixed or []),
                *(rebuilt(spec, p) for p in history.proposals),
            )
        }
        records = [t for t in history.trials if t.task == SEARCH and t.candidate in self.known]
        self.records = sorted(records, key=lambda t: t.place)
        self.climbing = [t for t in self.records if t.seed == spec.seed]
        self.outstanding = sum(t.state not in FINAL_STATES for t in self.records)

    def request(self, candidate: Candidate, rung: int) -> TrialRequest:
        below = self.rungs[rung - 1] if rung else 0
        return rung_request(self.spec, candidate, self.rungs[rung], below)

    def _on(self, rung: int) -> list[TrialRecord]:
        return [t for t in self.climbing if t.iterations == self.rungs[rung]]

    def promotions(self, *, last: bool) -> list[TrialRequest]:
        """Whoever may climb: baselines always, of the others the best 1/eta of those that ended;
        rounded down while more may come, up once nothing else will (`last`).
        """
        found: list[TrialRequest] = []
        for rung in reversed(range(len(self.rungs) - 1)):
            above = {t.candidate for t in self._on(rung + 1)}
            ended = [t for t in self._on(rung) if t.state == "completed"]
            searched = [t for t in ended if self.known[t.candidate].origin == "search"]
            share = len(searched) / self.strategy.eta
            count = math.ceil(share) if last else math.floor(share)
            chosen = best_first(searched)[:count]
            chosen += [t.candidate for t in ended if self.known[t.candidate].origin == "baseline"]
            found += [self.request(self.known[key], rung + 1) for key in chosen if key not in above]
            if last and found:
                return found
        return found

    def fresh(self, room: int) -> list[TrialRequest]:
        """New candidates on the first rung, as many as there is room for."""
        started = {t.candidate for t in self.climbing}
        if self.fixed is not None:
            waiting = [c for c in self.fixed if c.key not in started]
            return [self.request(candidate, 0) for candidate in waiting[:room]]
        left = self.strategy.candidates - len(self.history.proposals)
        observed = observations(self.history, self.history.completed(SEARCH), self.rungs)
        keys = set(self.known)
        found: list[TrialRequest] = []
        for _ in range(min(room, left)):
            candidate = propose(self.spec, self.strategy.proposals, observed, keys)
            if candidate is None:
                break
            found.append(self.request(candidate, 0))
            keys.add(candidate.key)
            observed.append(Observation(len(observed), candidate.parameters or {}, None))
        return found

    def recorded(self) -> list[TrialRequest]:
        return [
            TrialRequest(
                self.known[t.candidate],
                t.seed,
                t.iterations,
                t.resume_from,
                schedule=self.spec.iterations,
            )
            for t in self.records
        ]

    def repetitions(self) -> list[TrialRequest]:
        """All seeds of those who reached the last rung."""
        top = sorted({t.candidate for t in self._on(len(self.rungs) - 1)})
        spec = self.spec
        chosen = [self.known[key] for key in top]
        return repeated(chosen, spec.seed + 1, spec.seeds - 1, spec.iterations)


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """What is recorded, and as much more as there is room for."""
    search = _Search(spec, history)
    requests = search.recorded()
    room = max(0, search.strategy.concurrency - search.outstanding)
    started = {t.candidate for t in search.climbing}
    coming = [search.request(c, 0) for c in baselines(spec) if c.key not in started]
    coming += search.promotions(last=False)
    if len(coming) < room:
        coming += search.fresh(room - len(coming))
    if coming or any(t.state not in FINAL_STATES for t in search.climbing):
        return Wanted([*requests, *coming[:room]], False)
    coming = search.promotions(last=True)
    if coming:
        return Wanted([*requests, *coming], False)
    places = {request.place for request in requests}
    more = [r for r in search.repetitions() if r.place not in places]
    return Wanted([*requests, *more], True)
