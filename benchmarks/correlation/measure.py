"""From stored runs to numbers, each file measured once and kept as JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.correlation.collect import Config, load_split
from benchmarks.correlation.criteria import criteria, is_collapsed_run
from benchmarks.correlation.supervised import supervised_accuracy
from benchmarks.datasets.labelled import Split

#: Raised whenever a measurement changes, which makes the kept ones void.
VERSION = 1
SUPERVISED = "supervised"
#: criterion -> one value per policy (rows) and seed (columns)
Field = dict[str, np.ndarray]


def _numbers(snapshot: dict[str, Any], parts: Split) -> dict[str, float]:
    train, evaluation = snapshot["pretrain"], snapshot["evaluation"]
    return {
        SUPERVISED: supervised_accuracy(train["features"], evaluation["features"], parts),
        "collapsed": float(is_collapsed_run(snapshot)),
        **criteria(snapshot),
    }


def _measured(path: Path, parts: Split) -> dict[str, Any]:
    kept = path.with_suffix(".json")
    if kept.exists() and kept.stat().st_mtime >= path.stat().st_mtime:
        document: dict[str, Any] = json.loads(kept.read_text())
        if document["version"] == VERSION:
            return document
    stored = torch.load(path, weights_only=True)
    document = {"version": VERSION, "policy": stored["policy"], "seconds": stored["seconds"]}
    for kind in ("rung", "final"):
        if kind in stored:
            document[kind] = _numbers(stored[kind], parts)
    kept.write_text(json.dumps(document))
    return document


def measure(
    config: Config, name: str, schedule: int
) -> tuple[list[str], dict[str, Field], list[float]]:
    """Names of the policies, the fields of `final` and perhaps `rung`, and seconds of pretraining.

    Policies that lack a seed are left out, so that all means are over the same seeds.
    """
    parts = load_split(name, config.most)
    runs: dict[str, list[dict[str, Any]]] = {}
    for seed in config.seeds:
        for path in sorted((config.folder(name) / str(schedule)).glob(f"*-{seed}.pt")):
            document = _measured(path, parts)
            runs.setdefault(document["policy"], []).append(document)
    whole = {policy: found for policy, found in runs.items() if len(found) == len(config.seeds)}
    fields: dict[str, Field] = {}
    for kind in ("rung", "final"):
        if all(kind in run for found in whole.values() for run in found):
            keys = next(iter(whole.values()))[0][kind] if whole else {}
            fields[kind] = {
                key: np.array([[run[kind][key] for run in found] for found in whole.values()])
                for key in keys
            }
    seconds = [float(run["seconds"]) for found in whole.values() for run in found]
    return list(whole), fields, seconds
