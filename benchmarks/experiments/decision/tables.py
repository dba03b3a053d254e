"""The tables on the screen."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.experiments.decision.cases import BASELINES
from benchmarks.experiments.decision.ceilings import pooled_spearman
from benchmarks.experiments.decision.judge import Summary, Verdict
from benchmarks.experiments.decision.replay import Replay

_SHORT_NAMES = {"rand_augment(2,9)": "RandAug", "trivial_augment": "Trivial"}
#: Of the rules that always take one policy: the six baselines are shown, and the best of the rest.
_FIXED = 3


def _shown(summaries: Mapping[str, Summary]) -> dict[str, Summary]:
    baselines = {f"always {name}" for name in BASELINES}
    others = [name for name in summaries if name.startswith("always ") and name not in baselines]
    return {name: one for name, one in summaries.items() if name not in others[_FIXED:]}


def print_summaries(title: str, summaries: Mapping[str, Summary]) -> None:
    """A line per rule, the least regret first."""
    summaries = _shown(summaries)
    first = next(iter(summaries.values()))
    heads = "".join(f"{_SHORT_NAMES.get(name, name):>10}" for name in first.against)
    print(f"\n{title}: {first.sets} sets; points of accuracy, mean and standard error over sets")
    print(
        f"{'rule':38}{'regret':>13}{'worst':>7} {'on':13}{'over best of 6':>15}"
        f"  gain over:{heads}{'not worse':>11}{'Spearman':>10}"
    )
    for name, one in summaries.items():
        gains = "".join(f"{one.against[key]:+10.2f}" for key in one.against)
        print(
            f"{name:38}{one.regret:6.2f} ±{one.regret_error:5.2f}{one.worst:7.1f} "
            f"{one.worst_set:13}{one.against_six:+8.2f} ±{one.against_six_error:5.2f}"
            f"{'':12}{gains}{one.not_worse:>8}/{one.sets}{one.spearman:10.2f}"
        )


def print_sets(title: str, verdicts: Mapping[str, list[Verdict]], names: list[str]) -> None:
    """The regret of some rules on every set, and what the last of them chose."""
    print(f"\n{title}: regret per set, points")
    print(f"{'set':14}" + "".join(f"{name[:24]:>26}" for name in names))
    for place, first in enumerate(verdicts[names[0]]):
        cells = "".join(f"{verdicts[name][place].regret:26.1f}" for name in names)
        chosen = verdicts[names[-1]][place].chosen
        print(f"{first.set:14}{cells}  {', '.join(dict.fromkeys(chosen))}")


def print_ceilings(replayed: Replay) -> None:
    """How far labels agree with themselves, and the paper's pooled correlation."""
    parts = [f"{name} {value:.2f}" for name, value in sorted(replayed.parts_agree.items())]
    print(f"\nSpearman of accuracy between parts of a set: {', '.join(parts) or 'not measured'}")
    if replayed.left_out:
        print(f"left out, as their parts disagree: {', '.join(replayed.left_out)}")
    seeds = [f"{name} {value:.2f}" for name, value in sorted(replayed.seeds_agree.items())]
    print(f"Spearman of accuracy between seeds: {', '.join(seeds) or 'one seed alone'}")
    if not replayed.has_seeds:
        print("Some sets have one seed: there the best of the field and of six is read from the")
        print("very runs that are judged, which flatters both. Nothing there is cross-fitted.")
    pooled = pooled_spearman(replayed.cases, "rotation")
    print(f"rotation, pooled over all sets as the paper pools: Spearman {pooled:.2f}")
