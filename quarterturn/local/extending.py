"""A search of a folder, given more to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError


def kept_document(folder: Path, checkpoint: object = None, reference: object = None) -> Any:
    """What the search of a folder was asked, as `Search.from_spec` takes it.

    Args:
        checkpoint, reference: files that stand for what the search had of these.

    Raises:
        InvalidInputError: `path_not_found`, no search was kept there.
    """
    try:
        kept = json.loads((folder / "search.json").read_text(encoding="utf-8"))
        document = dict(kept["spec"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InvalidInputError(
            f"There is no search in {folder}. Give the folder of results of an earlier one.",
            code="path_not_found",
        ) from None
    if checkpoint is not None:
        document["pretraining"] = _without(document["pretraining"], "init")
    if reference is not None:
        document["scoring"] = _without(document["scoring"], "reference")
    return document


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}
