"""How much a search tries, in a word: what `effort` stands for where nothing else is asked."""

from __future__ import annotations

from typing import Any, Literal, get_args

from quarterturn.errors import InvalidInputError

Effort = Literal["quick", "default", "thorough"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)

#: On two cores, with the default encoder and images of 32 pixels: about 3, 15 and 100 minutes.
_DOCUMENTS: dict[Effort, dict[str, Any]] = {
    "quick": {
        "iterations": 150,
        "strategy": {
            "kind": "pipeline",
            "search": {"kind": "recipes", "changes": 0},
            "confirmation": {"top": 2, "seeds": 2},
        },
    },
    "default": {},
    "thorough": {
        "iterations": 600,
        "strategy": {
            "kind": "pipeline",
            "search": {"kind": "recipes", "changes": 40, "generations": 4, "parents": 5},
            "confirmation": {"top": 5, "seeds": 6},
        },
    },
}


def expand_effort(document: dict[str, Any]) -> dict[str, Any]:
    """The document of a search with its `effort` written out; what is given besides wins.

    Raises:
        InvalidInputError: `invalid_job`, there is no such effort.
    """
    if "effort" not in document:
        return document
    document = dict(document)
    effort = document.pop("effort")
    if effort not in EFFORTS:
        allowed = ", ".join(EFFORTS)
        raise InvalidInputError(
            f"$.effort must be one of {allowed}.",
            code="invalid_job",
            fields=[{"path": "$.effort", "message": f"one of {allowed}", "allowed": [*EFFORTS]}],
        )
    return {**_DOCUMENTS[effort], **document}
