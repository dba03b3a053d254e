"""The three evidences: speed, robustness, rankings."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.correlation.field import field
from benchmarks.hpt.runs import WEAKENED, Config, Run, result

#: What is compared: start and variant.
ARMS = {"scratch": ("scratch", "full"), "hpt": ("base", "full"), "hpt_bn": ("base", "bn_only")}


def _mean(config: Config, **run: Any) -> dict[str, float]:
    """Mean over the seeds."""
    found = [result(config, Run(seed=seed, **run)) for seed in config.seeds]
    return {
        key: statistics.fmean(one[key] for one in found)
        for key in ("supervised", "rotation", "seconds")
    }


def speed(config: Config, name: str) -> dict[str, Any]:
    """Accuracy by budget and arm, and how much sooner each arm reaches the best from scratch.

    `iterations_ratio` and `seconds_ratio` are over the budget at which scratch is best; null where
    an arm never gets there. What the base cost is not counted, as in the paper.
    """
    curves: dict[str, dict[int, dict[str, float]]] = {}
    for arm, (start, variant) in ARMS.items():
        budgets = config.scratch if arm == "scratch" else config.warm
        curves[arm] = {
            n: _mean(config, name=name, start=start, iterations=n, variant=variant) for n in budgets
        }
    direct = _mean(config, name=name, start="base", iterations=0)
    best = max(curves["scratch"], key=lambda n: (curves["scratch"][n]["supervised"], -n))
    goal = curves["scratch"][best]
    reached: dict[str, Any] = {}
    for arm in ("hpt", "hpt_bn"):
        first = next(
            (n for n in sorted(curves[arm])
             if curves[arm][n]["supervised"] >= goal["supervised"]), None,
        )  # fmt: skip
        reached[arm] = {
            "iterations": first,
            "iterations_ratio": best / first if first else None,
            "seconds_ratio": goal["seconds"] / curves[arm][first]["seconds"] if first else None,
        }
    return {
        "curves": curves, "goal": goal["supervised"], "scratch_iterations": best,
        "reached": reached, "direct_transfer": direct["supervised"],
        "direct_transfer_reaches": direct["supervised"] >= goal["supervised"],
    }  # fmt: skip


def _robust(config: Config, name: str, start: str, **run: Any) -> float:
    iterations = config.robust if start == "base" else max(config.scratch)
    return _mean(config, name=name, start=start, iterations=iterations, **run)["supervised"]


def robustness(config: Config, name: str) -> dict[str, Any]:
    """Accuracy with weakened policies and with fewer images, and the drop from the whole."""
    found: dict[str, Any] = {}
    for arm, (start, variant) in ARMS.items():
        weak = {
            policy: _robust(config, name, start, variant=variant, policy=policy)
            for policy in WEAKENED
        }
        few = {
            str(share): _robust(config, name, start, variant=variant, share=share)
            for share in config.shares
        }
        found[arm] = {
            "policies": weak,
            "shares": few,
            "mean_drop_policies": weak["moco_v2"] - statistics.fmean(list(weak.values())[1:]),
            "mean_drop_shares": weak["moco_v2"] - statistics.fmean(few.values()),
        }
    return found


def _agreement(criterion: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    top = np.argsort(-truth)[: max(3, len(truth) // 2)]

    def spearman(chosen: Any) -> float:
        a, b = criterion[chosen], truth[chosen]
        return 0.0 if np.ptp(a) == 0 or np.ptp(b) == 0 else float(spearmanr(a, b)[0])

    return {
        "spearman": spearman(slice(None)),
        "top_half": spearman(top),
        "regret_points": float(100 * (truth.max() - truth[int(criterion.argmax())])),
    }


def rankings(config: Config, name: str) -> dict[str, Any]:
    """Rotation after each start, at equal length and at a tenth, against the supervised accuracy of
    the same policies from scratch at full length.
    """
    names = [policy.name for policy in field()[: config.policies]]
    long, short = config.ranked, max(1, config.ranked // 10)

    def values(start: str, iterations: int, key: str) -> np.ndarray:
        return np.array(
            [
                _mean(config, name=name, start=start, iterations=iterations, policy=p)[key]
                for p in names
            ]
        )

    truth = values("scratch", long, "supervised")
    found: dict[str, Any] = {"policies": names, "truth": truth.tolist()}
    for start in ("scratch", "warm_up", "base"):
        for iterations in (long, short):
            rotation = values(start, iterations, "rotation")
            own = values(start, iterations, "supervised")
            found[f"{start} {iterations}"] = {
                **_agreement(rotation, truth), "rotation": rotation.tolist(),
                "spread_of_supervised": float(own.std()),
            }  # fmt: skip
    return found
