"""Measures of two views of the same images: InfoNCE, alignment, uniformity, retrieval."""

from __future__ import annotations

import torch
from torch.nn import functional


def infonce(
    queries: torch.Tensor, keys: torch.Tensor, negatives: torch.Tensor, temperature: float
) -> torch.Tensor:
    """InfoNCE loss of each query (van den Oord et al. 2018, MoCo), in nats; float32 (n,).

    Args:
        queries, keys: (n, p), L2-normalised; key i is the positive of query i.
        negatives: (k, p), L2-normalised: the queue.
    """
    positive = (queries * keys).sum(1, keepdim=True)
    logits = torch.cat((positive, queries @ negatives.T), 1).float() / temperature
    target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return functional.cross_entropy(logits, target, reduction="none")


def alignment(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean squared distance of positive pairs on the sphere, 0 to 4 (Wang & Isola 2020).

    Args:
        first, second: (n, p); normalised here.
    """
    one, other = functional.normalize(first.float(), dim=1), functional.normalize(second.float())
    return float((one - other).square().sum(1).mean())


def uniformity(outputs: torch.Tensor) -> float:
    """log of the mean of exp(-2 squared distance) over pairs, at most 0 (Wang & Isola 2020).

    Lower is more uniform; 0 is collapse.
    """
    normal = functional.normalize(outputs.float(), dim=1)
    return float(torch.pdist(normal).square().mul(-2.0).exp().mean().log())


def retrieval(first: torch.Tensor, second: torch.Tensor) -> float:
    """Share of images whose nearest neighbour among the second views of all is its own, 0 to 1.

    Nearest by cosine, of features standardised over both views. 1 / n is chance.

    Args:
        first, second: (n, d) features of two views of the same images.
    """
    both = torch.cat((first, second)).float()
    centred = both - both.mean(0)
    normal = functional.normalize(centred / both.std(0).clamp_min(1e-6), dim=1)
    one, other = normal[: len(first)], normal[len(first) :]
    itself = torch.arange(len(one), device=one.device)
    forth, back = (one @ other.T).argmax(1) == itself, (other @ one.T).argmax(1) == itself
    return float(torch.cat((forth, back)).float().mean())
