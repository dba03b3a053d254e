"""bench-selected: is what a whole search selects better, by labels, than a fixed recipe?

On each set a search of a given effort runs to its end without labels, by rotation alone and with a
reference encoder. What it selects, the incumbent MoCo v2 and the baseline that labels choose in the
committed table are then pretrained with a seed that no search and no choice has seen, and a linear
probe with labels is measured. What is kept under `.quarterturn/bench/selected` is gone on from.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.experiments.correlation.collect import claim, extract_features
from benchmarks.experiments.table.collect import Collector, Prepared
from benchmarks.experiments.table.measure import measure_accuracy
from benchmarks.experiments.table.plan import SETS
from benchmarks.harness.offline import Offline, search
from benchmarks.harness.report import target, write
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.outcome import Outcome
from quarterturn.score.reference import ReferenceTarget
from quarterturn.search.conclusion import SearchedImages, conclude
from quarterturn.search.effort import EFFORTS
from quarterturn.search.history import Place
from quarterturn.search.incumbent import incumbent
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.table.load import load_table

_FOLDER = Path(".quarterturn/bench/selected")
#: Of pretraining, where accuracy is measured.
_LENGTH = 300
#: Of the search, and of what is judged by labels; neither is in the table.
_SEARCH_SEED, _TRUTH_SEED = 100, 900
_INCUMBENT = "moco_v2"


def _spec(effort: str, reference: bool, shorter: int | None) -> SearchSpec:
    body: dict[str, Any] = {"effort": effort, "seed": _SEARCH_SEED}
    if reference:
        body["scoring"] = {"reference": {"checkpoint": "mobilenet_v2", "encoder": "mobilenet_v2"}}
    if shorter is not None:
        body["iterations"] = shorter
    return parse_search(body)


def _accuracy(prepared: Prepared, policy: Policy, length: int) -> float:
    """By a linear probe with labels, after a pretraining with the seed kept for this."""
    run = prepared.pretrain(policy, parse_search({}).pretraining, _TRUTH_SEED, length)
    found = measure_accuracy(extract_features(run, prepared.data, prepared.parts), prepared.parts)
    return found["accuracy_by_labels"]


def _best_baseline(name: str) -> str:
    """That of the highest accuracy in the table, whose seeds are not those judged here."""
    names = {make().name for make in BASELINES.values()}
    rows = [row for row in load_table() if row.set == name and row.iterations == _LENGTH]
    of_baselines = {
        policy: statistics.fmean(r.accuracy_by_labels for r in rows if r.policy == policy)
        for policy in names & {r.policy for r in rows}
    }
    return max(of_baselines, key=of_baselines.__getitem__, default=_INCUMBENT)


def _describe(spec: SearchSpec, done: Offline) -> tuple[Policy, dict[str, Any]]:
    candidates = list(done.candidates.values())
    ended = conclude(spec, candidates, done.history(), SearchedImages("set", "0" * 64, 1, 32))
    assert ended is not None
    policy = ended.policy
    chosen = next(e for e in ended.ranking if e.candidate == policy.digest[: len(e.candidate)])
    assert policy.selection is not None
    return policy, {
        "policy": policy.name,
        "document": policy.model_copy(update={"selection": None}).to_document(),
        "probability": chosen.probability,
        "expected_gain": chosen.score,
        "evidence": policy.selection["evidence"]["level"],
        "trials": len(done.records),
        "iterations": sum(r.iterations_run for r in done.records.values()),
        "seconds": sum(r.seconds for r in done.records.values()),
    }


def _run(name: str, effort: str, shorter: int | None, collector: Collector) -> dict[str, Any]:
    prepared = collector.prepare(name)
    target_features = ReferenceTarget.of(prepared.reference)
    data = replace(prepared.data, reference=target_features)
    result: dict[str, Any] = {"set": name, "effort": effort}
    chosen: dict[str, Policy] = {}
    outcomes: dict[Place, Outcome | None] = {}
    length = shorter or _LENGTH
    with tempfile.TemporaryDirectory() as folder:
        for kind, images in (("reference", data), ("rotation", prepared.data)):
            spec = _spec(effort, kind == "reference", shorter)
            done = search(spec, images, Path(folder), trained=outcomes)
            chosen[kind], result[kind] = _describe(spec, done)
            # Trials that both have in common are made once; the second reads no reference of them.
            outcomes = {place: _without(outcome) for place, outcome in outcomes.items()}
    baselines = {make().name: make() for make in BASELINES.values()}
    chosen["incumbent"] = incumbent(spec).policy
    chosen["best of six"] = baselines[_best_baseline(name)]
    accuracies: dict[str, float] = {}
    for policy in chosen.values():
        if policy.digest not in accuracies:
            accuracies[policy.digest] = _accuracy(prepared, policy, length)
    result["accuracy"] = {kind: accuracies[policy.digest] for kind, policy in chosen.items()}
    result["best_of_six"] = chosen["best of six"].name
    return result


def _without(outcome: Outcome | None) -> Outcome | None:
    """The outcome as it is without a reference."""
    if outcome is None:
        return None
    kept = {name: value for name, value in outcome.metrics.items() if "reference" not in name}
    return replace(outcome, metrics=kept)


def _line(result: dict[str, Any]) -> str:
    accuracy = {kind: f"{100 * value:.1f}" for kind, value in result["accuracy"].items()}
    names = {kind: result[kind]["policy"] for kind in ("reference", "rotation")}
    return f"{result['set']} {result['effort']}: {accuracy}, selected {names}"


def _gain(results: list[dict[str, Any]], kind: str, against: str) -> tuple[float, float, float]:
    """Mean, its standard error and the least of the gains, in points of accuracy."""
    gains = [100 * (r["accuracy"][kind] - r["accuracy"][against]) for r in results]
    error = statistics.stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else math.nan
    return statistics.fmean(gains), error, min(gains)


def judge(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The targets, for each effort and with and without a reference."""
    targets: list[dict[str, Any]] = []
    for effort in EFFORTS:
        of_effort = [r for r in results if r["effort"] == effort]
        for kind in ("reference", "rotation"):
            if not of_effort:
                continue
            label = f"{effort}, {kind}, {len(of_effort)} sets"
            gain, error, worst = _gain(of_effort, kind, "incumbent")
            best, best_error, _ = _gain(of_effort, kind, "best of six")
            print(
                f"{label}: {gain:+.1f} ± {error:.1f} over {_INCUMBENT} (worst {worst:+.1f}), "
                f"{best:+.1f} ± {best_error:.1f} over the best of six by labels"
            )
            targets += [
                target(f"{label}: points over {_INCUMBENT}", gain, 7.0, at_least=True),
                target(f"{label}: points on the worst set", worst, -1.0, at_least=True),
                target(f"{label}: points over the best of six", best, 2.0, at_least=True),
            ]
    return targets


def _kept() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(_FOLDER.glob("*/*.json"))]


def _collect(sets: Iterable[str], efforts: Iterable[str], collector: Collector) -> None:
    for effort in efforts:
        for name in sets:
            path = _FOLDER / effort / f"{name}.json"
            with claim(path) as mine:
                if mine:
                    result = _run(name, effort, None, collector)
                    path.write_text(json.dumps(result))
                    print(_line(result), flush=True)


def main() -> None:
    """Search and compare on each set that is not kept yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--efforts", nargs="+", default=["quick", "default"], choices=EFFORTS)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--gpu", action="store_true", help="pretrain on a CUDA device")
    parser.add_argument("--merge-only", action="store_true", help="run nothing")
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    collector = Collector(device="cuda" if options.gpu else "cpu")
    if options.quick:
        small = replace(collector, images=500)
        results = [_run("animal-mnist", "quick", 6, small)]
        print(_line(results[0]))
    else:
        if not options.merge_only:
            _collect(options.sets, options.efforts, collector)
        results = _kept()
    write("selected", {"runs": results}, judge(results), options.quick)


if __name__ == "__main__":
    main()
