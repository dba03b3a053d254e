"""Detection of collapse: all images mapped to one point.

A collapsed MoCo logs a loss of ln(1 + K), with a contrastive accuracy near 1 as all logits tie
(docs/method.md, "Collapse"), so neither accuracy nor the loss alone tells.
"""

from __future__ import annotations

import torch
from torch.nn import functional

#: Of healthy outputs, spread over the sphere, the spread is near 1.
COLLAPSED_SPREAD = 0.05
_CEILING_SHARE = 0.999
_LAST = 10


def spread(outputs: torch.Tensor) -> float:
    """Mean standard deviation of L2-normalised outputs (n, d), times sqrt(d): 0 to about 1."""
    normal = functional.normalize(outputs.float(), dim=1)
    return float(normal.std(0).mean() * normal.shape[1] ** 0.5)


def is_collapsed(losses: list[float], ceiling: float, output_spread: float) -> bool:
    """Whether the outputs have no spread, or the last losses lie at the loss of equal outputs."""
    last = losses[-_LAST:]
    at_ceiling = bool(last) and sum(last) / len(last) >= _CEILING_SHARE * ceiling
    return output_spread < COLLAPSED_SPREAD or (at_ceiling and len(losses) > 2 * _LAST)
