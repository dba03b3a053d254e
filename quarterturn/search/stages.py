"""The stages before a search: sources, once for a job, and the shared warm-up, once for each seed.

They are trials like others, of a task of their own, so a job that goes on after a crash finds them.
A candidate waits for the stages of its seed.
"""

from __future__ import annotations

from quarterturn.pretrain.spec import SOURCE, WARM_UP
from quarterturn.search.history import FINAL_STATES, History, Place, TrialRequest, Wanted
from quarterturn.search.incumbent import candidate_of
from quarterturn.search.spec import SearchSpec


def is_stage(task: str) -> bool:
    """Whether a trial prepares what candidates start from."""
    return task == WARM_UP or task.startswith(SOURCE)


def stage_requests(spec: SearchSpec, seed: int) -> list[TrialRequest]:
    """What candidates of a seed wait for, in order."""
    found = [
        TrialRequest(
            candidate_of(stage.fixed_policy, "base", spec),
            spec.seed,
            stage.iterations,
            task=f"{SOURCE}{place}",
            schedule=stage.iterations,
        )
        for place, stage in enumerate(spec.pretraining.chain)
    ]
    warm_up = spec.pretraining.warm_up
    if warm_up is not None:
        found.append(
            TrialRequest(
                candidate_of(warm_up.fixed_policy, "base", spec),
                seed,
                warm_up.iterations,
                task=WARM_UP,
                schedule=warm_up.iterations,
            )
        )
    return found


def preceded(spec: SearchSpec, history: History, asked: Wanted) -> Wanted:
    """What a strategy asked for, up to the first that waits, and the stage that it waits for.

    Nothing after that is asked for yet: budgets count trials in their order, so what comes later
    must never have been begun before. If a stage did not complete, what waits for it never comes;
    the rest is what there is to rank.
    """
    if not stage_requests(spec, spec.seed):
        return asked
    records = history.by_place()
    requests: dict[Place, TrialRequest] = {}
    lost = False
    for request in asked.requests:
        ready = True
        for stage in stage_requests(spec, request.seed):
            requests.setdefault(stage.place, stage)
            record = records.get(stage.place)
            if record is None or record.state not in FINAL_STATES:
                return Wanted(list(requests.values()), False)
            if record.state != "completed":
                ready, lost = False, True
                break
        if ready:
            requests[request.place] = request
    return Wanted(list(requests.values()), asked.complete or lost)
