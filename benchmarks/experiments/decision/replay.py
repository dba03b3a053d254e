"""Replay rules on a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from benchmarks.experiments.decision.cases import (
    BASELINES,
    SHORT,
    Case,
    build_cases,
    common_policies,
)
from benchmarks.experiments.decision.ceilings import (
    AGREEMENT,
    by_set,
    labels_of_another_seed,
    labels_of_baselines,
    parts_agree,
    pooled_spearman,
    seeds_agree,
)
from benchmarks.experiments.decision.judge import Summary, Verdict, judge, summarize
from benchmarks.experiments.decision.rules import Rule
from quarterturn.table.rows import Row, round_number

#: Sets with long runs of so many policies are judged by those.
MIN_LONG_POLICIES = 5


@dataclass(frozen=True)
class Replay:
    """Every rule on every set that is a ruler; `left_out` are those that are none."""

    cases: list[Case]
    verdicts: dict[str, list[Verdict]]
    parts_agree: dict[str, float]
    seeds_agree: dict[str, float]
    left_out: list[str]

    @property
    def has_seeds(self) -> bool:
        """Whether each set has several, so that all figures are cross-fitted."""
        return all(len(seeds) > 1 for seeds in by_set(self.cases).values())

    def summaries(self) -> dict[str, Summary]:
        """Of all rules, the least regret first."""
        found = {name: summarize(verdicts) for name, verdicts in self.verdicts.items()}
        return dict(sorted(found.items(), key=lambda item: item[1].regret))

    def document(self) -> dict[str, Any]:
        """All of it, for the file of results."""
        document = {
            "sets": {case.field.set: len(case.field.policies) for case in self.cases},
            "seeds": {name: len(seeds) for name, seeds in by_set(self.cases).items()},
            "cross-fitted": self.has_seeds,
            "left out": self.left_out,
            "parts of a set agree": self.parts_agree,
            "seeds of a set agree": self.seeds_agree,
            "pooled Spearman of rotation": pooled_spearman(self.cases, "rotation"),
            "rules": {
                name: {**asdict(summary), "sets": _by_set(self.verdicts[name])}
                for name, summary in self.summaries().items()
            },
        }
        found: dict[str, Any] = compact(document)
        return found


def _by_set(verdicts: Sequence[Verdict]) -> dict[str, list[Any]]:
    """What was chosen with each seed, the regret, and the gains over six and over the incumbent."""
    return {
        one.set: [one.chosen, one.regret, one.against_six, one.against[BASELINES[0]]]
        for one in verdicts
    }


def compact(value: Any) -> Any:
    """A document with numbers to five digits, and null for those that are none."""
    if isinstance(value, dict):
        return {key: compact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [compact(inner) for inner in value]
    if isinstance(value, float):
        return round_number(value) if math.isfinite(value) else None
    return value


def _cheating(cases: Sequence[Case]) -> dict[str, Rule]:
    """Rules that read labels, as bounds."""
    rules: dict[str, Rule] = {
        "LABELS: best of six": lambda field, _: labels_of_baselines(cases, field)
    }
    if all(len(seeds) > 1 for seeds in by_set(cases).values()):
        rules["LABELS: of another seed"] = lambda field, _: labels_of_another_seed(cases, field)
    return rules


def replay_cases(
    rules: Mapping[str, Rule], cases: Sequence[Case], lessons: Sequence[Case] | None = None
) -> Replay:
    """Judge rules on cases, without the sets whose parts disagree; learned rules learn from the
    lessons, or from the cases themselves, each from those of other families.
    """
    agreement = parts_agree(cases)
    left_out = sorted(name for name, value in agreement.items() if value < AGREEMENT)
    kept = [case for case in cases if case.field.set not in left_out]
    everything = {**rules, **_cheating(kept)}
    verdicts = {name: judge(rule, kept, lessons or kept) for name, rule in everything.items()}
    return Replay(kept, verdicts, agreement, seeds_agree(kept), left_out)


def replay(
    rules: Mapping[str, Rule],
    rows: Iterable[Row],
    *,
    judged: int = SHORT,
    common: bool = True,
) -> Replay:
    """Judge rules on a table.

    Args:
        judged: iterations of the runs whose accuracy they are judged by; they are learned on
            short runs all the same.
        common: choose among the policies that all sets have; else among all that a set has.
    """
    build = partial(build_cases, list(rows))
    short = build()
    if common:
        short = build(policies=common_policies(short))
    if judged == SHORT:
        return replay_cases(rules, short)
    return replay_cases(rules, build(judged=judged, fewest=MIN_LONG_POLICIES), short)
