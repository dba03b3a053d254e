"""From measured fields to the numbers of the report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from benchmarks.experiments.correlation.criteria import RETRIEVAL, ROTATION, ROTATION_ERROR
from benchmarks.experiments.correlation.statistics import Points, reliability, summary, top_half
from quarterturn.score.criteria import composite
from quarterturn.search.evidence import exceeds

SUPERVISED = "supervised"
#: Of the encoder before training: says nothing of policies, but whether rotation does.
UNTRAINED = "rotation, untrained"
PRODUCT, SUM = "composite", "rotation + retrieval"
_NO_CRITERIA = {"collapsed", UNTRAINED, ROTATION_ERROR}
#: criterion -> one value per policy (rows) and seed (columns)
Field = dict[str, np.ndarray]


@dataclass(frozen=True)
class Measured:
    """All policies of one set, schedule and kind ("final", or "rung" of an unfinished run)."""

    policies: list[str]
    field: Field

    def mean(self, key: str) -> np.ndarray:
        """One value per policy, the mean over the seeds."""
        found: np.ndarray = self.field[key].mean(1)
        return found

    def names(self) -> list[str]:
        """The criteria, without what was read from labels."""
        return [k for k in self.field if not k.startswith(SUPERVISED) and k not in _NO_CRITERIA]


def _z(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean(0)) / np.maximum(values.std(0), 1e-12))


def with_composites(one: Measured) -> Measured:
    """With the composite, which needs no other candidate, and the sum of the z-scores of rotation
    and retrieval, per seed over the policies.
    """
    product = np.vectorize(composite)(one.field[ROTATION], one.field[RETRIEVAL])
    both = _z(one.field[ROTATION]) + _z(one.field[RETRIEVAL])
    return Measured(one.policies, {**one.field, PRODUCT: product, SUM: both})


def _points(parts: list[tuple[Measured, Measured]], key: str) -> Points:
    """The criterion of the first of each pair against the supervised accuracy of the second."""

    def pooled(name: str) -> np.ndarray:
        return np.concatenate([seen.mean(name) for seen, _ in parts])

    # Scores of one schedule say nothing beside those of another: the pool has z-scores of its own.
    values = _z(pooled(ROTATION)) + _z(pooled(RETRIEVAL)) if key == SUM else pooled(key)
    return Points(
        values,
        np.concatenate([truth.mean(SUPERVISED) for _, truth in parts]),
        np.concatenate([np.array(seen.policies) for seen, _ in parts]),
        pooled("collapsed") >= 0.5,
    )


def compare(parts: list[tuple[Measured, Measured]]) -> dict[str, dict[str, object]]:
    """A summary per criterion; several parts are pooled."""
    return {key: summary(_points(parts, key)) for key in parts[0][0].names()}


def ceiling(one: Measured) -> dict[str, dict[str, float | None]]:
    """Reliability of the mean over seeds of supervised accuracy and the main criteria, and the
    highest correlation that noise between seeds leaves: the root of the product of two.
    """
    places = {"all": np.arange(len(one.policies)), "top_half": top_half(one.mean(SUPERVISED))}
    found: dict[str, dict[str, float | None]] = {}
    for name, rows in places.items():
        keys = [SUPERVISED, ROTATION, RETRIEVAL, PRODUCT]
        line = {key: reliability(one.field[key][rows]) for key in keys}
        truth = line[SUPERVISED]
        for key in keys[1:]:
            own = line[key]
            known = truth is not None and own is not None
            line[f"ceiling of {key}"] = float(np.sqrt(truth * own)) if known else None  # type: ignore[operator]
        found[name] = line
    return found


def ruler(one: Measured) -> dict[str, float]:
    """Whether supervised accuracy on one part ranks the policies as that on the other parts."""
    keys = [k for k in one.field if k.startswith(f"{SUPERVISED}/")]
    values = [one.mean(key) for key in keys]
    pairs = [spearmanr(a, b)[0] for i, a in enumerate(values) for b in values[:i]]
    return {"least": float(min(pairs)), "mean": float(np.mean(pairs))}


def outliers(one: Measured, key: str, most: int = 4) -> dict[str, list[str]]:
    """Policies that the criterion ranks furthest above and below their supervised rank."""
    gap = np.argsort(np.argsort(one.mean(key))) - np.argsort(np.argsort(one.mean(SUPERVISED)))
    order = np.argsort(gap)
    return {
        "overrated": [f"{one.policies[i]} (+{gap[i]})" for i in order[::-1][:most]],
        "underrated": [f"{one.policies[i]} ({gap[i]})" for i in order[:most]],
    }


def control(one: Measured) -> dict[str, float | bool]:
    """What the evidence of the product asks before it trusts rotation: whether plain pretraining
    makes it easier to tell than no training, with the share of all policies that do.
    """
    untrained, rotation = one.mean(UNTRAINED), one.mean(ROTATION)
    plain = one.policies.index("crop_flip")
    taught = exceeds(rotation[plain], one.mean(ROTATION_ERROR)[plain], untrained[plain])
    return {
        "untrained": float(untrained.mean()),
        "crop_flip": float(rotation[plain]),
        "plain pretraining teaches rotation": taught,
        "share of policies above untrained": float((rotation > untrained).mean()),
    }
