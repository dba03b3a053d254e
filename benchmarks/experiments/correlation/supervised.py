"""The supervised side: a linear probe on the frozen features. Only here are labels read.

Each of the four parts of a set is predicted by a probe fitted to the other three. No group of
pictures lies in two parts, so what is measured is always new, and every picture counts. A single
part is too small a ruler for sprites: those of Wesnoth's evaluation part come from 56 units, and
the accuracy on them hardly agrees with that on the units of another part.
"""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.datasets.labelled import Split
from quarterturn.score.probe import fit_head

PARTS = ("pretrain", "probe_train", "probe_test", "evaluation")
_L2 = 1e-3


def _unrotated(snapshot: dict[str, Any], part: str) -> torch.Tensor:
    found: torch.Tensor = snapshot[part]["features"].float()
    return found[0] if found.ndim == 3 else found


def _labels(parts: Split, part: str, count: int) -> torch.Tensor:
    return torch.from_numpy(parts.labels[part][:count]).long()


def _right(
    train: torch.Tensor, targets: torch.Tensor, test: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    head = fit_head(train, targets, int(max(targets.max(), truth.max())) + 1, _L2)
    return (head.logits(test).argmax(1) == truth).float()


def supervised_accuracy(train: torch.Tensor, evaluation: torch.Tensor, parts: Split) -> float:
    """Accuracy on `evaluation` alone of a probe fitted to `pretrain` alone, both (n, d)."""
    targets = _labels(parts, "pretrain", len(train))
    truth = _labels(parts, "evaluation", len(evaluation))
    return float(_right(train.float(), targets, evaluation.float(), truth).mean())


def accuracy_over_parts(snapshot: dict[str, Any], parts: Split) -> dict[str, float]:
    """`supervised`: accuracy over all parts; `supervised/PART`: on one of them."""
    features = {part: _unrotated(snapshot, part) for part in PARTS}
    labels = {part: _labels(parts, part, len(features[part])) for part in PARTS}
    found, right = {}, []
    for part in PARTS:
        others = [other for other in PARTS if other != part]
        train = torch.cat([features[other] for other in others])
        targets = torch.cat([labels[other] for other in others])
        right.append(_right(train, targets, features[part], labels[part]))
        found[f"supervised/{part}"] = float(right[-1].mean())
    found["supervised"] = float(torch.cat(right).mean())
    return found


def supervised(snapshot: dict[str, Any], parts: Split) -> dict[str, float]:
    """Those of `accuracy_over_parts`, and `supervised_evaluation`: on `evaluation` when fitted to
    `pretrain` alone.
    """
    features, evaluation = (_unrotated(snapshot, part) for part in ("pretrain", "evaluation"))
    alone = supervised_accuracy(features, evaluation, parts)
    return {**accuracy_over_parts(snapshot, parts), "supervised_evaluation": alone}
