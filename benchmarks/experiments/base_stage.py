"""bench-base-stage: does random resized crop win the base stage on CIFAR-10, as in SelfAugment?

Each of SelfAugment's operations alone and random resized crop, each before a horizontal flip, are
pretrained and ranked by rotation, as the strategy `base_augmentation` does. The authors' order by
rotation, from their logs (100 epochs of ResNet-50), is compared with ours. Options; see `--help`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from benchmarks.experiments.correlation.collect import load_split
from benchmarks.harness.offline import search
from benchmarks.harness.report import target, write
from quarterturn.pretrain.hardware import choose_device
from quarterturn.search.spec import parse_search
from quarterturn.search.standing import standing

_SET = "cifar10"
#: Rotation accuracy in percent of single operations on CIFAR-10, of the authors' logs.
_PUBLISHED = {
    "crop_flip": 53.08,
    "contrast": 52.15,
    "translate_y": 47.33,
    "translate_x": 47.50,
    "saturation": 46.58,
    "shear_y": 44.30,
    "shear_x": 44.71,
    "brightness": 40.89,
    "posterize": 43.68,
    "cutout": 42.54,
    "rotate": 43.90,
    "sharpness": 43.18,
    "solarize": 44.24,
    "invert": 42.46,
    "auto_contrast": 41.40,
    "equalize": 40.67,
}


def main() -> None:
    """Pretrain, rank, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, nothing written")
    parser.add_argument("--encoder", default="resnet_tiny")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.quick:
        options.iterations = 2
    spec = parse_search(
        {
            "strategy": "base_augmentation",
            "seeds": 1,
            "iterations": options.iterations,
            "pretraining": {"encoder": options.encoder},
        }
    )
    data = load_split(_SET, 1000 if options.quick else 12_000).trial_data(
        choose_device(options.device)
    )
    with tempfile.TemporaryDirectory() as folder:
        done = search(spec, data, Path(folder))
    ranking = standing(spec, list(done.candidates.values()), done.history())
    ours: dict[str, float] = {}
    for entry in ranking:
        policy = done.candidates[entry.candidate].policy
        name = entry.name if entry.origin == "baseline" else policy.views[0][0].op
        if name in _PUBLISHED:
            ours[name] = entry.score
    for place, (name, score) in enumerate(ours.items(), start=1):
        print(f"{place:3} {name:16} {100 * score:5.1f} %   published {_PUBLISHED[name]:5.1f} %")
    names = sorted(ours)
    agreement = float(spearmanr([ours[n] for n in names], [_PUBLISHED[n] for n in names])[0])
    untrained = ranking[0].untrained or 0.0
    print(f"untrained encoder {100 * untrained:.1f} %; Spearman with the logs {agreement:.2f}")
    samples: dict[str, Any] = {
        "options": {k: v for k, v in vars(options).items() if k != "quick"},
        "rotation": ours,
        "published": _PUBLISHED,
        "untrained": untrained,
        "spearman": agreement,
    }
    place_of_crop = list(ours).index("crop_flip") + 1
    targets = [
        target(
            "place of random resized crop among single operations",
            place_of_crop,
            1.0,
            at_least=False,
        ),
    ]
    write("base_stage", samples, targets, options.quick)


if __name__ == "__main__":
    main()
