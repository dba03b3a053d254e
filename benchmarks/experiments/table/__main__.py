"""Collect what the table lacks, and write it anew."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.experiments.table.collect import FOLDER, Collector, collect, read_rows
from benchmarks.experiments.table.field import table_policies
from benchmarks.experiments.table.plan import SETS, Part, default_plan
from quarterturn.table.load import TABLE, load_table
from quarterturn.table.rows import EARLIER, Row, Run, merge, to_csv

_QUICK = Path(".quarterturn/bench/table-quick")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Options; without any of the first five, the whole plan is run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", help="in this order")
    parser.add_argument("--policies", nargs="+", help="by their names, in this order")
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--iterations", nargs="+", type=int)
    parser.add_argument("--encoder")
    parser.add_argument("--gpu", action="store_true", help="pretrain on a CUDA device")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument(
        "--again", action="store_true", help="make runs that the table has from elsewhere, too"
    )
    parser.add_argument(
        "--earlier", nargs="+", type=Path, default=[], help="CSVs of earlier rows to take in"
    )
    parser.add_argument("--merge-only", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    return parser.parse_args(arguments)


def choose_runs(options: argparse.Namespace) -> list[Run]:
    """The plan, or all combinations of what was asked for."""
    asked = (options.sets, options.policies, options.seeds, options.iterations, options.encoder)
    if not any(asked):
        return [run for part in default_plan() for run in part.runs()]
    known = table_policies()
    policies = options.policies or list(known)
    missing = [name for name in policies if name not in known]
    if missing:
        raise SystemExit(f"There is no policy {missing[0]!r}; there are: {', '.join(known)}")
    part = Part(
        policies,
        options.sets or SETS,
        options.seeds or (0,),
        options.iterations or (300,),
        options.encoder or "conv4",
    )
    return list(part.runs())


def _committed() -> list[Row]:
    return load_table() if TABLE.exists() else []


def take_in(path: Path) -> list[Row]:
    """The rows of an earlier collection, marked as such."""
    rows = [row for row in load_table(path) if row.policy in table_policies()]
    return [replace(row, source=EARLIER) for row in rows]


def write_table(*sources: list[Row]) -> list[Row]:
    """Merge rows into the committed table; later sources win."""
    rows = merge(*sources)
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text(to_csv(rows))
    return rows


def _run_quick() -> None:
    shutil.rmtree(_QUICK, ignore_errors=True)
    collector = Collector(folder=_QUICK, device="cpu", batch_size=32, images=300)
    part = Part(["crop_flip", "strong jitter"], ["animal-mnist"], iterations=(4,))
    collect(collector, part.runs())
    print(to_csv(merge(read_rows(_QUICK))), end="")
    print("quick run: nothing written")


def main(arguments: list[str] | None = None) -> None:
    """Entry point."""
    options = parse_arguments(arguments)
    torch.set_num_threads(options.threads)
    if options.quick:
        _run_quick()
        return
    if not options.merge_only:
        have = set() if options.again else {row.run for row in _committed()}
        runs = [run for run in choose_runs(options) if run not in have]
        collector = Collector(device="cuda" if options.gpu else "cpu")
        made = collect(collector, runs)
        print(f"{made} runs made here, of {len(runs)} that the table lacked")
    earlier = [row for path in options.earlier for row in take_in(path)]
    rows = write_table(earlier, _committed(), read_rows(FOLDER))
    print(f"{len(rows)} rows: {TABLE}")


if __name__ == "__main__":
    main()
