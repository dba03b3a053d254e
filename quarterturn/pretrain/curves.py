"""Learning curves of a size that can be stored and drawn."""

from __future__ import annotations

_POINTS = 100


def curve(losses: list[float]) -> list[list[float]]:
    """[step, mean loss] of at most a hundred stretches of the run."""
    size = max(1, -(-len(losses) // _POINTS))
    parts = [losses[at : at + size] for at in range(0, len(losses), size)]
    return [
        [min((i + 1) * size, len(losses)), round(sum(part) / len(part), 5)]
        for i, part in enumerate(parts)
    ]
