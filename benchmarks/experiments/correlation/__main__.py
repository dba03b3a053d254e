"""Collect what is missing, measure, compare, report."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from typing import Any

import torch

from benchmarks.experiments.correlation import analysis, composites, tables
from benchmarks.experiments.correlation.analysis import PRODUCT, SUPERVISED, Measured
from benchmarks.experiments.correlation.collect import (
    Config,
    arguments,
    collect,
    config_of,
    load_split,
)
from benchmarks.experiments.correlation.criteria import RETRIEVAL, ROTATION
from benchmarks.experiments.correlation.measure import measure
from benchmarks.experiments.correlation.plot import scatter
from benchmarks.harness.report import RESULTS, target, write

_EPOCHS = 200  # of what counts as one full pretraining
_FEWEST = 4
#: set -> (schedule, "final" or "rung") -> what was measured
Everything = dict[str, dict[tuple[int, str], Measured]]


def _quick(config: Config) -> Config:
    quick = dataclasses.replace(
        config, sets=["animal-mnist"], schedules=[2, 6], seeds=[0], most=500, policies=4
    )
    shutil.rmtree(quick.folder("animal-mnist"), ignore_errors=True)
    return quick


def _gather(config: Config) -> tuple[Everything, dict[str, float]]:
    everything: Everything = {}
    seconds: dict[str, float] = {}
    for name in config.sets:
        for schedule in config.schedules:
            policies, fields, times = measure(config, name, schedule)
            if len(policies) < _FEWEST:
                print(f"{name} {schedule}: fewer than {_FEWEST} policies, left out")
                continue
            for kind, field in fields.items():
                one = analysis.with_composites(Measured(policies, field))
                everything.setdefault(name, {})[schedule, kind] = one
            seconds[f"{name} {schedule}"] = sum(times) / len(times)
    return everything, seconds


def _compared(name: str, parts: dict[tuple[int, str], Measured]) -> dict[str, Any]:
    """Each schedule, the unfinished runs against finished ones, and the schedules pooled."""
    found: dict[str, Any] = {}
    finals = {schedule: one for (schedule, kind), one in parts.items() if kind == "final"}
    for (schedule, kind), one in parts.items():
        title = f"{name} {schedule}" + (" (unfinished, at a third)" if kind == "rung" else "")
        found[f"{schedule} {kind}"] = analysis.compare([(one, finals[schedule])])
        tables.criteria_table(title, found[f"{schedule} {kind}"])
    if len(finals) > 1:
        found["pooled"] = analysis.compare([(one, one) for one in finals.values()])
        tables.criteria_table(f"{name}, schedules pooled", found["pooled"])
    longest = finals[max(finals)]
    tables.policies_table(f"{name} {max(finals)}", longest)
    for schedule, one in finals.items():
        found[f"{schedule} ceiling"] = analysis.ceiling(one)
        tables.ceiling_table(f"{name} {schedule}", found[f"{schedule} ceiling"])
        found[f"{schedule} control"] = analysis.control(one)
        print(f"{name} {schedule}, against the untrained encoder: {found[f'{schedule} control']}")
    found["parts of the set agree"] = analysis.ruler(longest)
    print(
        f"{name}: Spearman of supervised accuracy between parts {found['parts of the set agree']}"
    )
    for key in (ROTATION, RETRIEVAL, PRODUCT):
        found[f"outliers of {key}"] = analysis.outliers(longest, key)
        print(f"{name}, {key}: {found[f'outliers of {key}']}")
    return found


def _targets(name: str, found: dict[str, Any], longest: int) -> list[dict[str, Any]]:
    pooled = found.get("pooled", found[f"{longest} final"])
    items = []
    for key in (ROTATION, RETRIEVAL, PRODUCT):
        own, last = pooled[key], found[f"{longest} final"][key]
        whole, top = own["all"]["spearman"], own["top_half"]["spearman"]
        items += [
            target(f"{name}: pooled Spearman of {key}", whole, 0.94, at_least=True),
            target(f"{name}: pooled, within the top half, of {key}", top, 0.85, at_least=True),
            target(
                f"{name}: top-1 regret of {key} at {longest}, points",
                last["regret_1"],
                1.0,
                at_least=False,
            ),
        ]
    return items


def _share(config: Config, name: str, schedule: int) -> float:
    """Of a full pretraining's samples."""
    images = len(load_split(name, config.most).images["pretrain"])
    return schedule * config.batch_size / (_EPOCHS * images)


def _raw(everything: Everything) -> dict[str, Any]:
    """All values of all policies, per seed where seeds are compared, else their mean."""
    kept: dict[str, Any] = {}
    for name, parts in everything.items():
        for (schedule, kind), one in parts.items():
            line: dict[str, Any] = {"policies": one.policies}
            for key in one.field:
                whole = key in (SUPERVISED, ROTATION, RETRIEVAL)
                line[key] = (one.field[key] if whole else one.mean(key)).round(4).tolist()
            kept[f"{name} {schedule} {kind}"] = line
    return kept


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    arguments(parser)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--measure-only", action="store_true", help="of runs that are there")
    parser.add_argument("--name", default="correlation", help="of the files of results")
    options = parser.parse_args()
    config = _quick(config_of(options)) if options.quick else config_of(options)
    if not options.measure_only:
        collect(config)
    torch.set_num_threads(1)  # the probes are too small for more
    everything, seconds = _gather(config)
    samples: dict[str, Any] = {"config": dataclasses.asdict(config), "sets": {}}
    targets: list[dict[str, Any]] = []
    for name, parts in everything.items():
        samples["sets"][name] = _compared(name, parts)
        longest = max(schedule for schedule, _ in parts)
        targets += _targets(name, samples["sets"][name], longest)
    finals = {
        name: [one for (_, kind), one in parts.items() if kind == "final"]
        for name, parts in everything.items()
    }
    samples["leave_one_set_out"] = composites.leave_one_set_out(finals)
    tables.composites_table(samples["leave_one_set_out"])
    longest = max(config.schedules)
    samples["cost"] = {
        name: {"share of 200 epochs": _share(config, name, longest)} for name in everything
    }
    samples["seconds of pretraining"] = seconds
    print(f"\n{longest} iterations as a share of {_EPOCHS} epochs: {samples['cost']}")
    print(f"mean seconds of pretraining, on a busy machine: {seconds}")
    samples["runs"] = _raw(everything)
    write(options.name, samples, targets, options.quick)
    if not options.quick:
        rows = {
            key: {
                name: {
                    schedule: (one.mean(key), one.mean(SUPERVISED))
                    for (schedule, kind), one in parts.items()
                    if kind == "final"
                }
                for name, parts in everything.items()
            }
            for key in (ROTATION, RETRIEVAL, PRODUCT)
        }
        scatter(rows, RESULTS / options.name)


if __name__ == "__main__":
    main()
