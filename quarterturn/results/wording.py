"""Scores as text."""

from __future__ import annotations

#: Criteria shown in hundredths: of accuracies, and of differences between them.
UNITS = {"rotation": "%", "auto": "points"}


def score_text(
    score: float | None, error: float | None, criterion: str, *, unit: bool = True
) -> str:
    """A score with its standard error; rotation accuracy in percent, expected gains in points.

    Args:
        unit: whether it is told; a table has it once, in its heading.
    """
    if score is None or error is None:
        return "–"
    if criterion in UNITS:
        sign = "+" if criterion == "auto" else ""
        text = f"{100 * score:{sign}.1f} ± {100 * error:.1f}"
        return f"{text} {UNITS[criterion]}" if unit else text
    return f"{score:.4g} ± {error:.2g}"


def name_criterion(criterion: str) -> str:
    """What a score by this criterion is, in words."""
    return {"rotation": "rotation accuracy", "auto": "expected gain over the incumbent"}.get(
        criterion, criterion
    )
