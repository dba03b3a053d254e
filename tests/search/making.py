"""Candidates for tests of rankings."""

from __future__ import annotations

from quarterturn.policy.schema import Policy
from quarterturn.search.history import Candidate


def numbered(count: int) -> list[Candidate]:
    """Distinct candidates p0, p1, ..."""
    return [
        Candidate.of(
            Policy.model_validate(
                {"name": f"p{i}", "views": [[{"op": "rotate", "strength": i + 1}]]}
            ),
            "search",
        )
        for i in range(count)
    ]
