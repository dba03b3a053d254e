"""A pool of 48 candidates, all of them trained to the end, so that searches can be replayed."""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.experiments.correlation.collect import load_split
from quarterturn.policy.recipes import BASELINES
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.search.history import Candidate
from quarterturn.search.proposals.source import grid
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.space.parameters import build
from quarterturn.storage.folder import FolderStorage
from quarterturn.trial.execute import execute_trial

_FOLDER = Path(".quarterturn/bench/search")
#: 3 x 14 policies of the space, and the six baselines.
_SPACE: dict[str, Any] = {
    "kind": "rand_augment",
    "name": "rand-augment 42",
    "count": [1, 2, 3],
    "operations": [
        "shear_x",
        "shear_y",
        "translate_x",
        "translate_y",
        "rotate",
        "auto_contrast",
        "invert",
        "equalize",
        "solarize",
        "posterize",
        "contrast",
        "saturation",
        "brightness",
        "sharpness",
        "cutout",
    ],
    "magnitude": {"values": [round(0.05 * k, 2) for k in range(1, 15)]},
}
ETA, RUNGS = 3, 3


def spec_of(options: argparse.Namespace, strategy: dict[str, Any], seed: int) -> SearchSpec:
    """The search of one strategy over the pool's space."""
    return parse_search(
        {
            "search_space": _SPACE,
            "strategy": strategy,
            "iterations": options.iterations,
            "seeds": 1,
            "seed": seed,
            "pretraining": {"encoder": options.encoder, "batch_size": options.batch_size},
            "scoring": {"probe_train_images": 1000, "probe_test_images": 1000},
        }
    )


def candidates() -> list[Candidate]:
    """The pool."""
    space = parse_search({"search_space": _SPACE}).search_space
    return [*(Candidate.of(make(), "baseline") for make in BASELINES.values()), *grid(space, 14)]


def rungs(options: argparse.Namespace) -> list[int]:
    """Iterations of the rungs, ascending."""
    return sorted({max(1, round(options.iterations / ETA**k)) for k in range(RUNGS)})


def load(options: argparse.Namespace) -> dict[str, Any]:
    """`key/seed/iterations` to score and seconds; trained where that has not been done yet.

    Seconds are those of the processor: the machine may have other work.
    """
    name = f"{options.set}-{options.encoder}-{options.batch_size}-{options.iterations}"
    folder = _FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    data = load_split(options.set, 6000).trial_data(torch.device("cpu"))
    spec = spec_of(options, {"kind": "random"}, 0)
    table: dict[str, Any] = {}
    for seed in options.seeds:
        for candidate in candidates():
            file = folder / f"{candidate.key}-{seed}.json"
            if not file.exists():
                file.write_text(json.dumps(_trained(spec, candidate, seed, data, rungs(options))))
                print(f"trained {candidate.policy.name}, seed {seed}", flush=True)
            for iterations, found in json.loads(file.read_text()).items():
                table[f"{candidate.key}/{seed}/{iterations}"] = found
    return table


def _trained(
    spec: SearchSpec, candidate: Candidate, seed: int, data: Any, lengths: list[int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    below = 0
    with tempfile.TemporaryDirectory() as folder:
        for length in lengths:
            trial = TrialSpec(
                pretraining=spec.pretraining,
                scoring=spec.scoring,
                seed=seed,
                iterations=length,
                schedule_iterations=lengths[-1],
                resume_from=below,
            )
            started = time.process_time()
            outcome = execute_trial(
                trial,
                candidate.policy,
                data.pretrain.shape[-1],
                data,
                job="pool",
                candidate=candidate.key,
                checkpoints=CheckpointStore(FolderStorage(Path(folder))),
                watch=lambda _: None,
            )
            found[str(length)] = {
                "score": outcome.score,
                "collapsed": outcome.collapsed,
                "metrics": dict(outcome.metrics),
                "iterations_run": outcome.iterations_run,
                "sampling_error": outcome.sampling_error,
                "seconds": time.process_time() - started,
            }
            below = length
    return found


def keys_of_grid() -> dict[tuple[int, float], str]:
    """(count, magnitude) to the key of the policy of the space."""
    space = parse_search({"search_space": _SPACE}).search_space
    return {
        (count, magnitude): Candidate.of(
            build(space, {"count": row, "magnitude": column}, "of the grid"), "search"
        ).key
        for row, count in enumerate(_SPACE["count"])
        for column, magnitude in enumerate(_SPACE["magnitude"]["values"])
    }
