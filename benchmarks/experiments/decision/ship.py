"""Fit the rule of the criterion `auto` to the table, and write the document that is shipped."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.experiments.decision.calibration import judge_probabilities, rule_without
from benchmarks.experiments.decision.cases import Array, Case, Field, build_cases
from benchmarks.experiments.decision.fitting import VARIANTS, fit_rule, predict_gains
from benchmarks.experiments.decision.judge import Summary, judge, summarize
from quarterturn.search import decision
from quarterturn.search.decision.model import DecisionModel
from quarterturn.table.load import load_table

_FOLDER = Path(decision.__file__).parent
INCUMBENT = "moco_v2"


def judge_variant(voters: tuple[str, ...], cases: list[Case]) -> Summary:
    """What the choices of the rule are worth, each family judged by a rule of the others."""

    families = {case.field.family for case in cases}
    rules = {family: rule_without(voters, family, cases) for family in families}

    def rule(field: Field, _: Sequence[Case]) -> Array:
        return predict_gains(rules[field.family], field, INCUMBENT)

    return summarize(judge(rule, cases, cases))


def _card(voters: tuple[str, ...], cases: list[Case]) -> dict[str, Any]:
    worth = judge_variant(voters, cases)
    every, chosen = judge_probabilities(voters, cases)
    return {
        "voters": list(voters),
        "gain over MoCo v2, points": round(worth.against[INCUMBENT], 2),
        "its standard error": round(worth.against_incumbent_error, 2),
        "sets not worse by more than a point": worth.not_worse,
        "gain over the best of six baselines by labels": round(worth.against_six, 2),
        "regret to the best of the field": round(worth.regret, 2),
        "worst regret": round(worth.worst, 2),
        "worst set": worth.worst_set,
        "expected calibration error": round(every.error, 3),
        "Brier score": round(every.brier, 3),
        "P of 0.9 or more is right in": round(every.sure_right, 3),
        "expected calibration error of the chosen": round(chosen.error, 3),
        "P of 0.9 or more of a chosen one is right in": round(chosen.sure_right, 3),
        "reliability": [asdict(one) for one in every.bins],
    }


def build_model(cases: list[Case]) -> DecisionModel:
    """The rules and their card."""
    card = {
        "learned on": sorted({case.field.set for case in cases}),
        "families": sorted({case.field.family for case in cases}),
        "runs": sum(len(case.field.policies) for case in cases),
        "encoder": "conv4, 300 iterations of 128 images",
        "judged": "each family of sets by a rule learned on the others",
        "truth": "accuracy of a linear probe with labels, which a search never reads",
        "rules": [_card(voters, cases) for voters in VARIANTS],
    }
    return DecisionModel(1, tuple(fit_rule(voters, cases) for voters in VARIANTS), card)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    model = build_model(build_cases(load_table()))
    text = json.dumps(model.to_document(), indent=1) + "\n"
    print(text)
    if not options.check:
        (_FOLDER / f"decision-{model.version}.json").write_text(text)


if __name__ == "__main__":
    main()
