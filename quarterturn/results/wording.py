"""Scores as text."""

from __future__ import annotations


def score_text(score: float | None, error: float | None, criterion: str) -> str:
    """A score with its standard error; rotation accuracy in percent."""
    if score is None or error is None:
        return "–"
    if criterion == "rotation":
        return f"{100 * score:.1f} ± {100 * error:.1f} %"
    return f"{score:.4g} ± {error:.2g}"
