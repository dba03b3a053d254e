"""Searches whose trials are looked up in the pool."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import optuna

from benchmarks.experiments.search.pool import ETA
from benchmarks.harness.offline import record_of
from quarterturn.search.history import History, Place, Proposal, TrialRecord
from quarterturn.search.planning import plan
from quarterturn.search.spec import SearchSpec


@dataclass(frozen=True)
class Moment:
    """After a trial: what was spent so far, and which candidate is ahead."""

    trials: int
    seconds: float
    iterations: int
    ahead: str


def _ahead(results: dict[str, tuple[int, float]]) -> str:
    """The candidate on the highest rung, and there with the best score."""
    return max(results, key=lambda key: results[key])


def replay(spec: SearchSpec, table: dict[str, Any]) -> list[Moment]:
    """One of our strategies, one trial after another, from its own planner."""
    records: dict[Place, TrialRecord] = {}
    proposals: dict[str, Proposal] = {}
    results: dict[str, tuple[int, float]] = {}
    moments: list[Moment] = []
    seconds, iterations = 0.0, 0
    while True:
        history = History(tuple(records.values()), seconds, tuple(proposals.values()))
        coming = [r for r in plan(spec, history).trials if r.place not in records]
        if not coming:
            return moments
        for request in coming:
            key = request.candidate.key
            found = table[f"{key}/{request.seed}/{request.iterations}"]
            records[request.place] = record_of(request, found, found["seconds"])
            if request.candidate.number is not None:
                proposals[key] = Proposal(
                    key, request.candidate.number, request.candidate.parameters or {}
                )
            seconds += found["seconds"]
            iterations += request.cost
            score = -math.inf if found["collapsed"] else found["score"]
            results[key] = max(results.get(key, (0, -math.inf)), (request.iterations, score))
            moments.append(Moment(len(records), seconds, iterations, _ahead(results)))


def replay_optuna(
    keys: dict[tuple[int, float], str], lengths: list[int], table: dict[str, Any], seed: int
) -> list[Moment]:
    """Plain Optuna: TPE and its asynchronous successive halving, which counts trials by rung."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    counts, magnitudes = (sorted({place[k] for place in keys}) for k in (0, 1))
    results: dict[str, tuple[int, float]] = {}
    moments: list[Moment] = []
    spent = {"trials": 0, "seconds": 0.0, "iterations": 0}

    def objective(trial: optuna.Trial) -> float:
        count = trial.suggest_categorical("count", counts)
        magnitude = trial.suggest_float("magnitude", magnitudes[0], magnitudes[-1], step=0.05)
        key = keys[int(count), round(magnitude, 2)]
        below, score = 0, 0.0
        for rung, length in enumerate(lengths):
            found = table[f"{key}/{seed}/{length}"]
            score = float(found["score"])
            spent["trials"] += 1
            spent["seconds"] += found["seconds"]
            spent["iterations"] += length - below
            below = length
            results[key] = max(results.get(key, (0, -math.inf)), (length, score))
            moments.append(
                Moment(
                    int(spent["trials"]),
                    spent["seconds"],
                    int(spent["iterations"]),
                    _ahead(results),
                )
            )
            trial.report(score, rung + 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        return score

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA),
    )
    study.optimize(objective, n_trials=len(keys))
    return moments
