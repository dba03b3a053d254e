"""What a policy says of the search that chose it, for those who apply it elsewhere."""

from __future__ import annotations

from typing import Any

from quarterturn.policy.schema import Policy


def searched_side(policy: Policy) -> int | None:
    """Side in pixels of the pictures of its search, which strengths in pixels are meant for; None
    of a policy without a search.
    """
    return side_of(policy.selection)


def side_of(selection: dict[str, Any] | None) -> int | None:
    """The same, of the selection of a policy."""
    provenance = (selection or {}).get("provenance")
    dataset = provenance.get("dataset") if isinstance(provenance, dict) else None
    side = dataset.get("resolution") if isinstance(dataset, dict) else None
    return side if isinstance(side, int) and side > 0 else None


def searched_lines(policy: Policy) -> list[str]:
    """Size, range, score and evidence of its search, line by line, for the head of a file."""
    selection = policy.selection or {}
    side = searched_side(policy)
    lines = [f"Searched at: {side} x {side} pixels" if side else "Searched at: no size is known"]
    intensity = policy.input.intensity if policy.input else None
    lines.append(f"Intensity range: {intensity or 'that of 8-bit files'}")
    if selection.get("score") is not None:
        error = selection.get("standard_error")
        of = f"{selection['score']:.4f}" + (f" ± {error:.4f}" if error is not None else "")
        rank = f", rank {selection['rank']} of {selection.get('candidates')}"
        lines.append(f"Score: {selection.get('criterion', 'rotation')} {of}{rank}")
    else:
        lines.append("Score: none")
    evidence = selection.get("evidence")
    level = evidence.get("level") if isinstance(evidence, dict) else None
    lines.append(f"Evidence: {level or 'not searched'}")
    return lines
