"""Which libraries a policy can be taken to, and what differs there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from quarterturn.errors import QuarterturnError
from quarterturn.export import FORMATS, Options, export
from quarterturn.policy.schema import Policy


def overview(policy: Policy, size: int | None, **sources: Callable[[str], str]) -> dict[str, Any]:
    """Of each format: where to fetch the file, and what differs, or why there is none.

    Args:
        size: of crops, in pixels.
        sources: by the name of their field, how to get the file of a format: `url` or `command`.
    """
    found: dict[str, Any] = {}
    for name in FORMATS:
        entry: dict[str, Any] = {field: source(name) for field, source in sources.items()}
        try:
            made = export(policy, name, Options(size=size))
        except QuarterturnError as error:
            entry.update(possible=False, why=error.message, differences=[])
        else:
            entry.update(
                possible=True, why=None, differences=[d.to_dict() for d in made.differences]
            )
        found[name] = entry
    return found
