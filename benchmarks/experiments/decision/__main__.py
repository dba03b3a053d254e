"""Replay every rule on the committed table, print what they are worth, and write it down."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from benchmarks.experiments.decision.cases import SHORT, build_cases, common_policies
from benchmarks.experiments.decision.replay import Replay, replay
from benchmarks.experiments.decision.rules import fixed_rules
from benchmarks.experiments.decision.tables import print_ceilings, print_sets, print_summaries
from benchmarks.harness.report import target, write
from quarterturn.table.load import load_table
from quarterturn.table.rows import Row

#: Printed per set; targets are held against the last, which learns from other families alone.
_SHOWN = [
    "rotation",
    "reference_r2w",
    "ranks of R2 + R2w + kNN",
    "spectral agreement",
    "ridge: rotation, R2, R2w, kNN, prior",
]
#: Where so many sets have long runs, rules are judged by those, too.
_LONG_SETS = 3


def _targets(replayed: Replay) -> list[dict[str, Any]]:
    name = _SHOWN[-1]
    one = replayed.summaries()[name]
    return [
        target(f"{name}: gain over MoCo v2", one.against["moco_v2"], 7.0, at_least=True),
        target(f"{name}: sets not worse than it", one.not_worse, one.sets, at_least=True),
        target(f"{name}: gain over best of six", one.against_six, 2.0, at_least=True),
        target(f"{name}: mean regret", one.regret, 1.0, at_least=False),
        target(f"{name}: worst regret", one.worst, 4.0, at_least=False),
    ]


def _long_length(rows: list[Row]) -> int | None:
    """The longest runs that enough sets have."""
    sets: dict[int, set[str]] = {}
    for row in rows:
        sets.setdefault(row.iterations, set()).add(row.set)
    lengths = [n for n, names in sets.items() if n > SHORT and len(names) >= _LONG_SETS]
    return max(lengths, default=None)


def _report(title: str, replayed: Replay) -> None:
    print_summaries(title, replayed.summaries())
    print_sets(title, replayed.verdicts, _SHOWN)
    print_ceilings(replayed)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, help="another table than the committed one")
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    options = parser.parse_args()
    begun = time.perf_counter()
    rows = load_table(options.table)
    rules = fixed_rules(common_policies(build_cases(rows)))
    common = replay(rules, rows)
    _report(f"judged at {SHORT} iterations, policies that all sets have", common)
    samples: dict[str, Any] = {"rows": len(rows), "common policies": common.document()}
    if not options.quick:
        everything = replay(rules, rows, common=False)
        _report(f"judged at {SHORT} iterations, all policies", everything)
        samples["all policies"] = everything.document()
        length = _long_length(rows)
        if length:
            long = replay(rules, rows, judged=length, common=False)
            _report(f"criteria at {SHORT}, judged at {length} iterations", long)
            samples[f"judged at {length}"] = long.document()
    print(f"\nreplayed in {time.perf_counter() - begun:.1f} s")
    write("decision", samples, _targets(common), options.quick)


if __name__ == "__main__":
    main()
