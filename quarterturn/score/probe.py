"""The rotation probe: multinomial logistic regression by L-BFGS on cached features.

SelfAugment trains the same linear layer by 50 epochs of SGD; a test shows that both rank alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from quarterturn.pretrain.graphs.recording import recorder_of

logger = logging.getLogger(__name__)

#: Where it could not be recorded.
_failed: set[torch.device] = set()


@dataclass(frozen=True)
class ProbeResult:
    """Accuracy in [0, 1] and cross-entropy in nats on the probe-test images.

    `sampling_error` is the standard error of the accuracy from the choice of test images; the four
    turns of an image count as one observation. `right` (n,) is the share of its turns that was told
    of each image.
    """

    accuracy: float
    cross_entropy: float
    sampling_error: float
    right: torch.Tensor = field(compare=False, repr=False)


@dataclass(frozen=True)
class Head:
    """A linear classifier on standardised features: weight (d, c), bias, mean and scale (d,)."""

    weight: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    scale: torch.Tensor

    def logits(self, features: torch.Tensor) -> torch.Tensor:
        """(n, d) features to (n, c)."""
        return ((features - self.mean) / self.scale) @ self.weight + self.bias


def fit_logistic(
    features: torch.Tensor, targets: torch.Tensor, classes: int, l2: float, *, record: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (d, c) and bias (c,) of a multinomial logistic regression on (n, d) features.

    Args:
        record: whether a GPU may replay captured steps of the optimiser.
    """
    weight = torch.zeros(features.shape[1], classes, dtype=features.dtype, device=features.device)
    bias = torch.zeros(classes, dtype=features.dtype, device=features.device)
    parameters = [weight.requires_grad_(), bias.requires_grad_()]
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=60, history_size=10, tolerance_grad=1e-5, line_search_fn="strong_wolfe"
    )

    loss = torch.zeros((), dtype=features.dtype, device=features.device)

    def evaluate() -> None:
        optimizer.zero_grad()
        logits = features @ weight + bias
        now = functional.cross_entropy(logits, targets) + 0.5 * l2 * weight.square().sum()
        now.backward()  # type: ignore[no-untyped-call]
        loss.copy_(now.detach())

    again = _recorded(evaluate, features.device) if record else evaluate

    def closure() -> float:
        again()
        return float(loss)

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _recorded(act: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """A GPU does in a moment what it takes long to send to it, over and over again."""
    recorder = recorder_of(device)
    if recorder is None or device in _failed:
        return act
    act()  # libraries load what they need at their first call, which cannot be recorded
    try:
        return recorder.record(act)
    except Exception as error:
        _failed.add(device)
        logger.warning("steps of the probe are not recorded: %s", error)
        return act


def _moments(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of (n, d) features; 1 where they are constant."""
    std = features.std(0)
    return features.mean(0), torch.where(std > 1e-6, std, torch.ones_like(std))


def standardise(train: torch.Tensor, test: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Both (., d) shifted and scaled by the mean and standard deviation of `train`."""
    mean, scale = _moments(train)
    return (train - mean) / scale, (test - mean) / scale


def fit_head(
    features: torch.Tensor, targets: torch.Tensor, classes: int, l2: float, *, record: bool = True
) -> Head:
    """A head fitted by logistic regression on (n, d) features, standardised by themselves."""
    mean, scale = _moments(features)
    weight, bias = fit_logistic((features - mean) / scale, targets, classes, l2, record=record)
    return Head(weight, bias, mean, scale)


def _measure(logits: torch.Tensor, turns: int, count: int) -> ProbeResult:
    truth = torch.arange(turns, device=logits.device).repeat_interleave(count)
    right = (logits.argmax(1) == truth).float().view(turns, count).mean(0)
    return ProbeResult(
        accuracy=float(right.mean()),
        cross_entropy=float(functional.cross_entropy(logits, truth)),
        sampling_error=float(right.std() / count**0.5) if count > 1 else 0.0,
        right=right,
    )


def rotation_probes(
    train: torch.Tensor, tests: Sequence[torch.Tensor], l2: float = 1e-3, *, record: bool = True
) -> list[ProbeResult]:
    """Fit on the features of probe-training images, measure on each of the others.

    Args:
        train, tests: float32 (4, n, d) from `rotation_features`; the images must not overlap.
    """
    turns, images, dimension = train.shape
    targets = torch.arange(turns, device=train.device).repeat_interleave(images)
    head = fit_head(train.reshape(-1, dimension), targets, turns, l2, record=record)
    return [
        _measure(head.logits(test.reshape(-1, dimension)), turns, test.shape[1]) for test in tests
    ]


def rotation_probe(
    train: torch.Tensor, test: torch.Tensor, l2: float = 1e-3, *, record: bool = True
) -> ProbeResult:
    """`rotation_probes` with one set to measure on."""
    return rotation_probes(train, [test], l2, record=record)[0]
