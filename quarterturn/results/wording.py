"""Scores as text."""

from __future__ import annotations


def score_text(score: float | None, error: float | None, criterion: str) -> str:
    """A score with its standard error; rotation accuracy in percent, expected gains in points."""
    if score is None or error is None:
        return "–"
    if criterion == "rotation":
        return f"{100 * score:.1f} ± {100 * error:.1f} %"
    if criterion == "auto":
        return f"{100 * score:+.1f} ± {100 * error:.1f} points"
    return f"{score:.4g} ± {error:.2g}"


def name_criterion(criterion: str) -> str:
    """What a score by this criterion is, in words."""
    return {"rotation": "rotation accuracy", "auto": "expected gain over the incumbent"}.get(
        criterion, criterion
    )
