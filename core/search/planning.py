"""The way into the strategies: from (spec, history) to a plan, within the budget. Pure."""

from __future__ import annotations

import statistics

from core.search.history import FINAL_STATES, History, Plan, TrialRecord, TrialRequest
from core.search.spec import SearchSpec, SuccessiveHalvingStrategy
from core.search.strategies import flat, halving


def wanted(spec: SearchSpec, history: History) -> tuple[list[TrialRequest], bool]:
    """All trials the strategy of `spec` wants so far, and whether that is all."""
    if isinstance(spec.strategy, SuccessiveHalvingStrategy):
        return halving.wanted(spec, history)
    return flat.wanted(spec), True


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
    requests, complete = wanted(spec, history)
    allowed, exhausted = _within(spec, requests)
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
    finished = over and (complete or exhausted is not None)
    return Plan(trials=tuple(fresh), finished=finished, exhausted=exhausted)


def remaining(spec: SearchSpec, history: History) -> list[TrialRequest]:
    """The trials still to come if all goes well, found by playing the search to its end."""
    records = history.by_place()
    for place, record in list(records.items()):
        if record.state not in FINAL_STATES:
            del records[place]
    coming: list[TrialRequest] = []
    while True:
        played = History(tuple(records.values()), history.elapsed_seconds)
        requests, _ = wanted(spec, played)
        fresh = [r for r in _within(spec, requests)[0] if r.place not in records]
        if not fresh:
            return coming
        for request in fresh:
            # Any score will do: it changes who climbs, not how many.
            records[request.place] = TrialRecord(*request.place, state="completed", score=0.0)
        coming += fresh
