"""The whole course of a job: the search, and after its selection the final pretraining. Pure."""

from __future__ import annotations

from dataclasses import replace

from quarterturn.pretrain.spec import FINAL
from quarterturn.search import planning
from quarterturn.search.history import (
    FINAL_STATES,
    Candidate,
    History,
    Plan,
    TrialRecord,
    TrialRequest,
)
from quarterturn.search.incumbent import candidate_of, incumbent
from quarterturn.search.selection import select
from quarterturn.search.spec import SearchSpec
from quarterturn.search.standing import standing
from quarterturn.search.strategies.flat import distinct


def _parted(history: History) -> tuple[History, TrialRecord | None]:
    """The trials of the search, and the final one if there is one."""
    search = tuple(trial for trial in history.trials if trial.task != FINAL)
    final = next((trial for trial in history.trials if trial.task == FINAL), None)
    return replace(history, trials=search), final


def _request(spec: SearchSpec, candidate: Candidate) -> TrialRequest:
    assert spec.final_pretraining is not None
    iterations = spec.final_pretraining.iterations
    return TrialRequest(candidate, spec.seed, iterations, task=FINAL, schedule=iterations)


def _final(spec: SearchSpec, search: History) -> TrialRequest | None:
    """The final pretraining with the policy that is selected; None where nothing was ranked."""
    asked = planning.wanted(spec, search).requests
    candidates = distinct([request.candidate for request in asked])
    ranking = standing(spec, candidates, search)
    if not ranking:
        return None
    policy = select(spec, candidates, ranking, {}).model_copy(update={"selection": None})
    return _request(spec, candidate_of(policy, "search", spec))


def plan(spec: SearchSpec, history: History) -> Plan:
    """What to do next. The budget is that of the search; the final pretraining comes on top."""
    search, final = _parted(history)
    coming = planning.plan(spec, search)
    if spec.final_pretraining is None or not coming.finished:
        return coming
    if final is not None:
        ended = final.state in FINAL_STATES
        return coming if ended else Plan(exhausted=coming.exhausted)
    request = _final(spec, search)
    if request is None:
        return coming
    return Plan(trials=(request,), withdraw=coming.withdraw, exhausted=coming.exhausted)


def remaining(spec: SearchSpec, history: History) -> list[TrialRequest]:
    """The trials still to come if all goes well; see `quarterturn.search.planning.remaining`."""
    search, final = _parted(history)
    coming = planning.remaining(spec, search)
    if spec.final_pretraining is None or (final is not None and final.state in FINAL_STATES):
        return coming
    candidate = incumbent(spec)
    if final is not None:
        candidate = replace(candidate, key=final.candidate)
    return [*coming, _request(spec, candidate)]
