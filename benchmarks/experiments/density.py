"""bench-density: which search over the folds of SelfAugment finds lower loss per second?

On CIFAR-10, encoders of two folds are pretrained with crop and flip. TPE and random search propose
whole policies (200 per fold, as in the paper), the assembled search tabulates sub-policies. What
each found is judged on images of the folds that no search saw, with fresh draws. The share of each
operation in what each objective found is printed too: min InfoNCE should pick operations near the
identity, max InfoNCE destructive ones (as in SelfAugment's shipped policies). Seconds are those of
the searches alone; the encoders are the same for all and count for none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.datasets.sets import RESOLUTION
from benchmarks.experiments.correlation.collect import load_split
from benchmarks.harness.offline import Offline, search
from benchmarks.harness.report import run, target, write
from quarterturn.density.execute import fold_model
from quarterturn.density.folds import held_out
from quarterturn.density.losses import policy_losses
from quarterturn.policy.schema import OneOf, Policy
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.search.objectives import OBJECTIVES, Losses, Objective, value, weights_of
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.search.strategies import density
from quarterturn.search.strategies.density.trials import fold_requests
from quarterturn.storage.folder import FolderStorage

_SET, _FOLDS = "cifar10", 2
_COMPARED: Objective = "minimax_weighted"
#: Method notes 4.5: what the authors' policies prefer.
_MILD = {"sharpness", "cutout", "posterize", "shear_x", "shear_y", "rotate"}
_DESTRUCTIVE = {"invert", "equalize", "solarize", "brightness", "translate_y"}


def _spec(way: str, quick: bool, objectives: tuple[Objective, ...]) -> SearchSpec:
    strategy = {
        "kind": "density_matching",
        "search": way,
        "folds": _FOLDS,
        "objectives": list(objectives),
        "candidates": 10 if quick else 200,
        "images": 50 if quick else 250,
        "passes": 1,
        "keep": 5 if quick else 25,
        "beam": 2 if quick else 8,
        "top": 5 if quick else 10,
    }
    return parse_search(
        {
            "strategy": strategy,
            "iterations": 10 if quick else 300,
            "seeds": 1,
            "pretraining": {"encoder": "resnet_tiny"},
        }
    )


def _shares(policy: Policy) -> dict[str, float]:
    """Share of each operation in the sum of probabilities, largest first."""
    mass: dict[str, float] = {}
    stage = policy.views[0][0]
    assert isinstance(stage, OneOf)
    for branch in stage.branches:
        for leaf in branch.stages:
            mass[leaf.op] = mass.get(leaf.op, 0.0) + leaf.probability
    total = sum(mass.values())
    ordered = sorted(mass.items(), key=lambda item: -item[1])
    return {name: round(part / total, 3) for name, part in ordered}


def _searched(
    spec: SearchSpec, data: TrialData, folder: Path
) -> tuple[dict[str, Policy], float, Offline]:
    """What a search found, and its seconds without those of the encoders."""
    done = search(spec, data, folder, lambda s, history: density.explore(s, history).requests)
    encoders = sum(r.seconds for r in done.records.values() if r.task.startswith("fold/"))
    found = density.explore(spec, done.history()).found
    assert found
    return found, done.seconds - encoders, done


def _judged(
    spec: SearchSpec, policy: Policy, data: TrialData, resolution: int, folder: Path
) -> Losses:
    """Mean losses over the folds, on images after those that were searched on."""
    sums = {"rotation": 0.0, "infonce": 0.0}
    for fold, request in enumerate(fold_requests(spec)):
        assert request.payload is not None
        trial = TrialSpec(
            pretraining=spec.pretraining,
            scoring=spec.scoring,
            seed=spec.seed,
            iterations=request.iterations,
            schedule_iterations=request.iterations,
            task=request.task,
            payload=request.payload,
        )
        model, _ = fold_model(
            trial,
            request.candidate.policy,
            data,
            resolution,
            CheckpointStore(FolderStorage(folder)),
            "offline",
            request.candidate.key,
            lambda _: None,
        )
        searched_on = request.payload["images"]
        images = held_out(data, fold, _FOLDS)[searched_on : searched_on + 2 * searched_on]
        losses = policy_losses(model, data, images, policy.view(0), seed=99, passes=4)
        for name in sums:
            sums[name] += losses[name] / _FOLDS
    return sums


def main(quick: bool) -> None:
    """Search in three ways, judge, print."""
    device = choose_device("auto")
    data = load_split(_SET, 1000 if quick else 12_000).trial_data(device)
    resolution = RESOLUTION[_SET]
    samples: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        judged: dict[str, float] = {}
        seconds: dict[str, float] = {}
        weights: dict[str, float] = {}
        for way in ("random", "tpe", "assembled", "all objectives"):
            every = way == "all objectives"
            spec = _spec(
                "assembled" if every else way, quick, OBJECTIVES if every else (_COMPARED,)
            )
            found, seconds[way], done = _searched(spec, data, folder)
            bases = [r.result for r in done.records.values() if r.task.startswith("fold/")]
            weights = weights_of(result for result in bases if result)
            losses = {o: _judged(spec, p, data, resolution, folder) for o, p in found.items()}
            judged[way] = value(_COMPARED, losses[_COMPARED], weights)
            scored = sum(len((r.payload or {}).get("policies", [])) for r in done.records.values())
            samples[way] = {
                "seconds": seconds[way],
                "judged": losses,
                "policies_scored": scored,
                "objective": {o: value(o, losses[o], weights) for o in found},
                "shares": {o: _shares(p) for o, p in found.items()},
            }
            print(
                f"{way:15} {seconds[way]:7.1f} s  {_COMPARED} {judged[way]:+.4f}  ({scored} scored)"
            )
        spec = _spec("assembled", quick, OBJECTIVES)
        base = _judged(spec, fold_requests(spec)[0].candidate.policy, data, resolution, folder)
        samples["base"] = {"judged": base, "objective": value(_COMPARED, base, weights)}
        print(f"{'base alone':15} {'':9}  {_COMPARED} {samples['base']['objective']:+.4f}")
    shares = samples["all objectives"]["shares"]
    for objective in OBJECTIVES:
        top = ", ".join(f"{op} {100 * s:.0f} %" for op, s in list(shares[objective].items())[:6])
        print(f"{objective:17} {top}")
    mild = sum(shares["min_infonce"].get(op, 0.0) for op in _MILD)
    destructive = sum(shares["max_infonce"].get(op, 0.0) for op in _DESTRUCTIVE)
    gain = {way: samples["base"]["objective"] - judged[way] for way in judged}
    targets = [
        target(
            "assembled over TPE, objective gained over the base augmentation",
            gain["assembled"] / max(1e-9, gain["tpe"]),
            1.0,
            at_least=True,
        ),
        target(
            "assembled over TPE, seconds",
            seconds["assembled"] / seconds["tpe"],
            1.0,
            at_least=False,
        ),
        target("min InfoNCE: share of the paper's mild operations", mild, 0.5, at_least=True),
        target(
            "max InfoNCE: share of the paper's destructive operations",
            destructive,
            0.5,
            at_least=True,
        ),
    ]
    write("density", samples, targets, quick)


if __name__ == "__main__":
    run(main)
