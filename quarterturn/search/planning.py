"""The way into the strategies: from (spec, history) to a plan, within the budget. Pure."""

from __future__ import annotations

import statistics
from typing import Any

from quarterturn.search.decision.decide import score_by_gain
from quarterturn.search.history import (
    FINAL_STATES,
    History,
    Plan,
    Proposal,
    TrialRecord,
    TrialRequest,
    Wanted,
)
from quarterturn.search.spec import SearchSpec
from quarterturn.search.stages import preceded, stage_requests
from quarterturn.search.strategies import asha, density, flat, halving, pipeline, recipes
from quarterturn.search.strategy import (
    AshaStrategy,
    DensityMatchingStrategy,
    PipelineStrategy,
    RecipesStrategy,
    SuccessiveHalvingStrategy,
)


def _search(spec: SearchSpec, history: History) -> Wanted:
    if isinstance(spec.strategy, RecipesStrategy):
        return recipes.wanted(spec, history)
    if isinstance(spec.strategy, SuccessiveHalvingStrategy):
        return halving.wanted(spec, history)
    if isinstance(spec.strategy, AshaStrategy):
        return asha.wanted(spec, history)
    if isinstance(spec.strategy, DensityMatchingStrategy):
        return density.wanted(spec, history)
    return flat.wanted(spec)


def wanted(spec: SearchSpec, history: History) -> Wanted:
    """All trials the strategy of `spec` wants so far, and whether that is all; what they start
    from comes before them.
    """
    history = score_by_gain(spec, history)
    if isinstance(spec.strategy, PipelineStrategy):
        asked = pipeline.wanted(spec, history, _search)
    else:
        asked = _search(spec, history)
    return preceded(spec, history, asked)


def in_rounds(spec: SearchSpec) -> bool:
    """Whether nothing new is wanted before all that was asked for has ended, budgets of seconds
    aside. ASHA, the folds of density matching, and what waits for the stage of its own seed go on
    one by one.
    """
    strategy = spec.strategy
    if isinstance(strategy, PipelineStrategy):
        strategy = strategy.search
    one_by_one = isinstance(strategy, AshaStrategy | DensityMatchingStrategy)
    return not one_by_one and not stage_requests(spec, spec.seed)


#: In a search of seconds that goes in rounds, the time left is looked at so often.
_LOOKS = 200


def look_now(outstanding: int, ended: int) -> bool:
    """Whether to look at the time that is left, after `ended` results. Workers keep to the budget
    by themselves; looking withdraws what is still queued.
    """
    return ended % max(1, (outstanding + ended) // _LOOKS) == 0


def _within(
    spec: SearchSpec, requests: list[TrialRequest]
) -> tuple[list[TrialRequest], str | None]:
    """The requests that the budgets of trials and iterations allow, in order."""
    budget = spec.budget
    allowed: list[TrialRequest] = []
    spent = 0
    for request in requests:
        if budget.trials is not None and len(allowed) >= budget.trials:
            return allowed, "trials"
        if budget.iterations is not None and spent + request.cost > budget.iterations:
            return allowed, "iterations"
        spent += request.cost
        allowed.append(request)
    return allowed, None


def seconds_per_iteration(history: History) -> float | None:
    """Median over completed trials, scoring included; None before there is one."""
    rates = [
        trial.seconds / trial.iterations_run
        for trial in history.trials
        if trial.state == "completed" and trial.iterations_run
    ]
    return statistics.median(rates) if rates else None


def _out_of_time(spec: SearchSpec, history: History, next_cost: int) -> bool:
    """Whether the next trial could not end within the budget of seconds."""
    if spec.budget.seconds is None:
        return False
    rate = seconds_per_iteration(history) or 0.0
    return history.elapsed_seconds + rate * next_cost > spec.budget.seconds


def plan(spec: SearchSpec, history: History) -> Plan:
    """What to do next. The same history in any order gives the same plan."""
    asked = wanted(spec, history)
    allowed, exhausted = _within(spec, asked.requests)
    records = history.by_place()
    fresh = [request for request in allowed if request.place not in records]
    unstarted = [
        request
        for request in allowed
        if request.place not in records or records[request.place].state == "queued"
    ]
    running = any(trial.state == "running" for trial in history.trials)
    # Trials of a job that goes on are cancelled for want of time only, and that does not come back.
    withdrawn = any(trial.state == "cancelled" for trial in history.trials)
    if withdrawn:
        return Plan(withdraw=True, finished=not running, exhausted="seconds")
    if unstarted and _out_of_time(spec, history, min(request.cost for request in unstarted)):
        return Plan(withdraw=True, finished=not running, exhausted="seconds")
    over = all(
        request.place in records and records[request.place].state in FINAL_STATES
        for request in allowed
    )
    finished = over and (asked.complete or exhausted is not None)
    return Plan(trials=tuple(fresh), finished=finished, exhausted=exhausted)


def _cheap(spec: SearchSpec) -> SearchSpec:
    """A search of the same size whose proposals cost nothing to make."""

    def replaced(strategy: Any) -> Any:
        if isinstance(strategy, PipelineStrategy):
            return strategy.model_copy(update={"search": replaced(strategy.search)})
        if isinstance(strategy, DensityMatchingStrategy) and strategy.search == "tpe":
            return strategy.model_copy(update={"search": "random"})
        changed: dict[str, Any] = {}
        if getattr(strategy, "proposals", None) == "tpe":
            changed["proposals"] = "evolution"
        if isinstance(strategy, AshaStrategy):
            changed["concurrency"] = strategy.candidates + 100  # few rounds of planning
        return strategy.model_copy(update=changed)

    return spec.model_copy(update={"strategy": replaced(spec.strategy)})


def _played(request: TrialRequest) -> TrialRecord:
    """A trial that went well; any score will do: it changes who climbs, not how many."""
    policies = (request.payload or {}).get("policies", [])
    losses = {"rotation": 1.0, "infonce": 1.0}
    return TrialRecord(
        *request.place,
        state="completed",
        score=None if request.payload else 0.5,
        resume_from=request.resume_from,
        payload=request.payload,
        result={**losses, "losses": [losses] * len(policies)} if request.payload else None,
    )


def remaining(spec: SearchSpec, history: History) -> list[TrialRequest]:
    """The trials still to come if all goes well, found by playing the search to its end.

    Exact where the number of trials does not depend on scores; an estimate for the rest.
    """
    spec = _cheap(spec)
    records = history.by_place()
    for place, record in list(records.items()):
        if record.state not in FINAL_STATES:
            del records[place]
    coming: list[TrialRequest] = []
    proposals = {proposal.key: proposal for proposal in history.proposals}
    while True:
        played = History(
            tuple(records.values()), history.elapsed_seconds, tuple(proposals.values())
        )
        requests = wanted(spec, played).requests
        fresh = [r for r in _within(spec, requests)[0] if r.place not in records]
        if not fresh:
            return coming
        for request in fresh:
            records[request.place] = _played(request)
            candidate = request.candidate
            if candidate.number is not None:
                proposals[candidate.key] = Proposal(
                    candidate.key, candidate.number, candidate.parameters or {}
                )
        coming += fresh
