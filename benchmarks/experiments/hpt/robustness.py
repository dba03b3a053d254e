"""What weaker policies and fewer images cost, with a base and without."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.experiments.hpt.configurations import Config
from benchmarks.experiments.hpt.runs import WEAKENED
from benchmarks.experiments.hpt.speed import ARMS, mean


def robustness(config: Config, name: str) -> dict[str, Any]:
    """Accuracy by arm with weakened policies and with fewer images, and the mean drop from the
    whole policy and from all images.
    """
    found: dict[str, Any] = {}
    for arm, (start, variant) in ARMS.items():
        scratch, warm = config.robust
        fixed = {
            "name": name,
            "start": start,
            "variant": variant,
            "iterations": scratch if start == "scratch" else warm,
        }
        weak = {
            policy: mean(config, config.seeds, **fixed, policy=policy)["supervised"]
            for policy in WEAKENED
        }
        few = {
            str(share): mean(config, config.seeds, **fixed, share=share)["supervised"]
            for share in config.shares
        }
        whole = weak["moco_v2"]
        fewer = [few[str(share)] for share in config.shares if share < 1]
        found[arm] = {
            "iterations": fixed["iterations"],
            "policies": weak,
            "shares": few,
            "mean_drop_policies": whole - statistics.fmean(list(weak.values())[1:]),
            "mean_drop_shares": whole - statistics.fmean(fewer),
        }
    return found
