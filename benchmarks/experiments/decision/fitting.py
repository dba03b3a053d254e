"""The rule of the criterion `auto`, fitted to cases of the table; what the library ships.

Differences of each policy to each baseline in turn, in units of each criterion's spread over the
recipes that a search begins with, are regressed (ridge) on the difference of accuracy by labels in
units of its own spread. Calibration and errors come from families left out, within the cases given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from benchmarks.experiments.decision.cases import BASELINES, Array, Case, Field
from quarterturn.policy.portfolio import make_portfolio
from quarterturn.policy.recipes import BASELINES as BASELINE_RECIPES
from quarterturn.search.decision.model import Rule, Voter

#: Column of the table by voter.
COLUMNS = {
    "rotation": "rotation",
    "reference": "reference_r2w",
    "reference_knn": "reference_knn",
}
#: The sets of voters that a search may have, those of most first.
VARIANTS = (("rotation", "reference", "reference_knn"), ("rotation",))
#: Of the ridge, per baseline.
_PENALTY = 3.0
RECIPES = {
    *(make().name for make in BASELINE_RECIPES.values()),
    *(policy.name for policy in make_portfolio()),
}


def _healthy(field: Field) -> Array:
    return np.asarray(field.columns["collapsed"] != 1.0)


def _recipes(field: Field) -> Array:
    known = np.array([name in RECIPES for name in field.policies])
    return np.asarray(np.logical_and(known, _healthy(field)))


def spreads(voters: Sequence[str], field: Field) -> dict[str, float]:
    """Standard deviation of each voter over the recipes of a field."""
    chosen = _recipes(field)
    return {name: float(np.std(field.columns[COLUMNS[name]][chosen])) for name in voters}


def accuracy_spread(case: Case) -> float:
    """The same of accuracy by labels, a fraction."""
    return float(np.std(case.truth[_recipes(case.field)])) / 100.0


def _differences(voters: Sequence[str], field: Field, incumbent: str) -> Array:
    """(policies, voters) differences to the incumbent, in spreads."""
    place, scale = field.policies.index(incumbent), spreads(voters, field)
    columns = [field.columns[COLUMNS[name]] for name in voters]
    return np.stack(
        [(c - c[place]) / scale[name] for c, name in zip(columns, voters, strict=True)], 1
    )


@dataclass(frozen=True)
class Pairs:
    """Policies against an incumbent: differences (n, voters) and of accuracy (n,), in spreads."""

    x: Array
    y: Array


def _pairs(voters: Sequence[str], cases: Sequence[Case]) -> Pairs:
    x, y = [], []
    for case in cases:
        healthy = _healthy(case.field)
        for incumbent in BASELINES:
            if incumbent not in case.field.policies:
                continue
            place = case.field.policies.index(incumbent)
            other = healthy & (np.arange(len(healthy)) != place)
            x.append(_differences(voters, case.field, incumbent)[other])
            gains = (case.truth - case.truth[place]) / (100.0 * accuracy_spread(case))
            y.append(gains[other])
    return Pairs(np.concatenate(x), np.concatenate(y))


def _solve(pairs: Pairs) -> Array:
    x = pairs.x
    penalty = _PENALTY * len(BASELINES) * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(x.T @ x + penalty, x.T @ pairs.y))


def _families(cases: Sequence[Case]) -> list[str]:
    return sorted({case.field.family for case in cases})


def _predict_left_out(voters: Sequence[str], cases: Sequence[Case]) -> tuple[Array, Array]:
    """Gains as predicted for each family by a rule of the others, and as they were."""
    predicted, true = [], []
    for family in _families(cases):
        rest = [case for case in cases if case.field.family != family]
        own = _pairs(voters, [case for case in cases if case.field.family == family])
        predicted.append(own.x @ _solve(_pairs(voters, rest)))
        true.append(own.y)
    return np.concatenate(predicted), np.concatenate(true)


def _sharpen(predicted: Array, true: Array) -> tuple[float, float]:
    """Sharpness and lapse of the curve from gains to P(at least as good), by their likelihood."""
    better = true >= 0.0

    def loss(parameters: Array) -> float:
        slope, lapse = np.exp(parameters[0]), 1.0 / (1.0 + np.exp(-parameters[1]))
        p = (1.0 - lapse) / (1.0 + np.exp(-np.clip(slope * predicted, -50, 50))) + lapse / 2.0
        return float(-np.mean(np.log(np.clip(np.where(better, p, 1.0 - p), 1e-12, None))))

    found = minimize(loss, np.array([0.5, -2.0]), method="Nelder-Mead").x
    return float(np.exp(found[0])), float(1.0 / (1.0 + np.exp(-found[1])))


def _fit_levels(voters: Sequence[str], cases: Sequence[Case]) -> Array:
    """Level and slope of the log of the accuracy's spread on the log of the voters' mean spread."""
    x = np.array([[1.0, _mean_log(voters, case.field)] for case in cases])
    y = np.log([accuracy_spread(case) for case in cases])
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0])


def _mean_log(voters: Sequence[str], field: Field) -> float:
    return float(np.mean([math.log(value) for value in spreads(voters, field).values()]))


def _level_error(voters: Sequence[str], cases: Sequence[Case]) -> float:
    errors = []
    for family in _families(cases):
        level, slope = _fit_levels(voters, [c for c in cases if c.field.family != family])
        for case in cases:
            if case.field.family == family:
                expected = level + slope * _mean_log(voters, case.field)
                errors.append(math.log(accuracy_spread(case)) - expected)
    return float(np.sqrt(np.mean(np.square(errors))))


def fit_rule(voters: Sequence[str], cases: Sequence[Case]) -> Rule:
    """The rule of these voters; needs cases of two families at least."""
    weights = _solve(_pairs(voters, cases))
    predicted, true = _predict_left_out(voters, cases)
    sharpness, lapse = _sharpen(predicted, true)
    level, slope = _fit_levels(voters, cases)
    usual = {
        name: float(np.median([spreads(voters, case.field)[name] for case in cases]))
        for name in voters
    }
    return Rule(
        voters={
            name: Voter(round(float(weight), 4), round(usual[name], 5))
            for name, weight in zip(voters, weights, strict=True)
        },
        sharpness=round(sharpness, 4),
        lapse=round(lapse, 4),
        residual=round(float(np.sqrt(np.mean(np.square(predicted - true)))), 4),
        level=round(float(level), 4),
        slopes={name: round(float(slope) / len(voters), 4) for name in voters},
        level_error=round(_level_error(voters, cases), 4),
    )


def predict_gains(rule: Rule, field: Field, incumbent: str) -> Array:
    """Gains of all policies over the incumbent, in spreads of accuracy."""
    voters = list(rule.voters)
    weights = np.array([rule.voters[name].weight for name in voters])
    return np.asarray(_differences(voters, field, incumbent) @ weights)
