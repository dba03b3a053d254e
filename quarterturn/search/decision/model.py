"""The rule of the criterion `auto`, learned on the table and shipped as a small document.

A candidate's gain over the incumbent is a weighted sum of its paired differences in the criteria
(the voters), each in units of that criterion's spread over the known recipes on these images; its
unit is the spread of accuracy by labels over the same recipes. How the document was made, from
which sets, and how it did on families of sets left out is told in its card; see
`benchmarks/experiments/decision`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

_FILE = "decision-1.json"


@dataclass(frozen=True)
class Voter:
    """A criterion with its weight, and its spread where a search has none of its own yet."""

    weight: float
    usual_spread: float


@dataclass(frozen=True)
class Rule:
    """The rule for one set of voters.

    Attributes:
        voters: by the name of their criterion.
        sharpness, lapse: P(at least as good as the incumbent) = (1 - lapse) / (1 + exp(-sharpness
            x gain)) + lapse / 2, of the gain in spreads of accuracy; calibrated on families left
            out. The lapse is how often the voters say nothing of a kind of images.
        residual: root mean square error of the gain, in spreads, on families left out.
        level, slopes: log of the spread of accuracy = level + sum of slope x log of the voter's
            spread.
        level_error: root mean square error of that log on families left out.
    """

    voters: Mapping[str, Voter]
    sharpness: float
    lapse: float
    residual: float
    level: float
    slopes: Mapping[str, float]
    level_error: float

    def probability(self, gain: float) -> float:
        """That a candidate of this gain, in spreads, is at least as good as the incumbent."""
        exponent = max(-50.0, min(50.0, self.sharpness * gain))
        return (1.0 - self.lapse) / (1.0 + math.exp(-exponent)) + self.lapse / 2.0

    def accuracy_spread(self, spreads: Mapping[str, float]) -> float:
        """Expected spread of accuracy (a fraction) over the recipes, from those of the voters."""
        logs = (slope * math.log(spreads[name]) for name, slope in self.slopes.items())
        return math.exp(self.level + math.fsum(logs))


@dataclass(frozen=True)
class DecisionModel:
    """The shipped document: rules, those of most voters first, and the card."""

    version: int
    rules: tuple[Rule, ...]
    card: Mapping[str, Any]

    def rule_for(self, measured: Collection[str]) -> Rule:
        """The rule of most voters that were all measured."""
        return next(rule for rule in self.rules if set(rule.voters) <= set(measured))

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def read_model(document: Mapping[str, Any]) -> DecisionModel:
    """The model of a document."""
    rules = tuple(
        Rule(
            **{
                **rule,
                "voters": {name: Voter(**voter) for name, voter in rule["voters"].items()},
            }
        )
        for rule in document["rules"]
    )
    return DecisionModel(document["version"], rules, document["card"])


@lru_cache(maxsize=1)
def load_model() -> DecisionModel:
    """The model that this release decides by."""
    text = files("quarterturn.search.decision").joinpath(_FILE).read_text(encoding="utf-8")
    return read_model(json.loads(text))
