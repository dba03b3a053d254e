"""The supervised side: a linear probe on the frozen features. Only here are labels read."""

from __future__ import annotations

import torch

from benchmarks.datasets.labelled import Split
from core.scoring.probe import fit_logistic, standardise

_L2 = 1e-4


def supervised_accuracy(
    train: torch.Tensor, evaluation: torch.Tensor, parts: Split
) -> float:
    """Accuracy on the evaluation images of a logistic regression fitted to the pretraining images.

    Args:
        train, evaluation: (n, d) features of the first images of these parts.
    """
    fitted, measured = standardise(train.float(), evaluation.float())
    targets = torch.from_numpy(parts.labels["pretrain"][: len(train)]).long()
    truth = torch.from_numpy(parts.labels["evaluation"][: len(evaluation)]).long()
    classes = int(max(targets.max(), truth.max())) + 1
    weight, bias = fit_logistic(fitted, targets, classes, _L2)
    return float(((measured @ weight + bias).argmax(1) == truth).float().mean())
