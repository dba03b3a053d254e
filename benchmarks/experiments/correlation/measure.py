"""From stored runs to numbers, each file measured once and kept as JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.datasets.labelled import Split
from benchmarks.experiments.correlation.analysis import UNTRAINED, Field
from benchmarks.experiments.correlation.collect import Config, load_split, run_path
from benchmarks.experiments.correlation.criteria import criteria, is_collapsed_run
from benchmarks.experiments.correlation.field import field
from benchmarks.experiments.correlation.probes import other_probes
from benchmarks.experiments.correlation.supervised import supervised
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device
from quarterturn.pretrain.spec import ScoringSpec
from quarterturn.score.untrained import untrained_rotation

#: Raised whenever a measurement changes, which makes the kept ones void.
VERSION = 3


def _numbers(
    snapshot: dict[str, Any], parts: Split, data: TrialData, config: Config, seed: int
) -> dict[str, float]:
    spec = config.pretraining()
    return {
        **supervised(snapshot, parts),
        "collapsed": float(is_collapsed_run(snapshot)),
        UNTRAINED: untrained_rotation(data, spec, ScoringSpec(), seed),
        **criteria(snapshot),
    }


def _measured(
    path: Path, parts: Split, data: TrialData, config: Config, seed: int
) -> dict[str, Any]:
    kept = path.with_suffix(".json")
    if kept.exists() and kept.stat().st_mtime >= path.stat().st_mtime:
        document: dict[str, Any] = json.loads(kept.read_text())
        if document["version"] == VERSION:
            return document
    stored = torch.load(path, weights_only=True)
    document = {"version": VERSION, "policy": stored["policy"], "seconds": stored["seconds"]}
    for kind in ("rung", "final"):
        if kind in stored:
            document[kind] = _numbers(stored[kind], parts, data, config, seed)
    document["final"] |= other_probes(stored["final"], data, config.pretraining(), seed)
    kept.write_text(json.dumps(document))
    return document


def _complete(runs: dict[int, dict[str, dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """The runs of each policy: with all seeds, or, while some are missing, with the one seed that
    has the most policies, so that all means are over the same seeds.
    """
    most = max(runs, key=lambda seed: len(runs[seed]))
    shared = [name for name in runs[most] if all(name in found for found in runs.values())]
    if len(shared) < len(runs[most]):
        return [[runs[most][name]] for name in runs[most]]
    return [[found[name] for found in runs.values()] for name in shared]


def measure(
    config: Config, name: str, schedule: int
) -> tuple[list[str], dict[str, Field], list[float]]:
    """Names of the policies, fields of `final` and perhaps `rung`, seconds of each pretraining."""
    parts = load_split(name, config.most)
    data = parts.trial_data(choose_device(config.device))
    runs: dict[int, dict[str, dict[str, Any]]] = {}
    for seed in config.seeds:
        paths = [run_path(config, name, p, seed, schedule) for p in field()[: config.policies]]
        found = [_measured(path, parts, data, config, seed) for path in paths if path.exists()]
        runs[seed] = {document["policy"]: document for document in found}
    rows = _complete(runs)
    fields: dict[str, Field] = {}
    for kind in ("rung", "final"):
        if rows and all(kind in run for row in rows for run in row):
            fields[kind] = {
                key: np.array([[run[kind][key] for run in row] for row in rows])
                for key in rows[0][0][kind]
            }
    seconds = [float(run["seconds"]) for row in rows for run in row]
    return [row[0]["policy"] for row in rows], fields, seconds
