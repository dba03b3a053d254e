"""What an export is: the file, and where it differs from the policy."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.policy.schema import Policy
from quarterturn.policy.searched import searched_lines


@dataclass(frozen=True)
class Difference:
    """One way in which an export does something else than the policy.

    `operation` names an operation of quarterturn.policy.operations, a group, or `view`.
    """

    operation: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Options:
    """What some formats need to know.

    Attributes:
        size: side in pixels of the squares that views return, cropped from the original pictures;
            None for the size of the pictures, which `albumentations` cannot crop to.
        view: which of two different views, for formats that hold one: 0 or 1.
    """

    size: int | None = None
    view: int = 0


@dataclass(frozen=True)
class Export:
    """A policy in the form of another library.

    Attributes:
        text: the content of the file.
        filename: what to call it; of Python files a name that can be imported.
        media_type: for HTTP.
        differences: also part of `text`, in a form that programs can read.
    """

    text: str
    filename: str
    media_type: str
    differences: tuple[Difference, ...]


def not_expressible(library: str, operation: str, why: str) -> InvalidInputError:
    """The refusal of a policy that a library cannot express."""
    return InvalidInputError(
        f"{library} cannot express {operation} of this policy: {why}. "
        "Take the format torchvision, which expresses every policy.",
        code="export_not_possible",
        fields=[{"path": operation, "message": why}],
    )


def different_views(policy: Policy) -> bool:
    """Whether the two views are drawn differently."""
    return len(policy.views) == 2 and policy.views[0] != policy.views[1]


def one_view(
    policy: Policy,
    library: str,
    document: dict[str, Any],
    options: Options,
    found: tuple[Difference, ...],
) -> Export:
    """A JSON file of one view; under `quarterturn` it says what it is and where it differs."""
    about = {
        "name": policy.name,
        "digest": policy.digest,
        "view": options.view,
        "views": len(policy.views),
        "searched": searched_lines(policy),
        "differences": [item.to_dict() for item in found],
    }
    text = json.dumps({**document, "quarterturn": about}, indent=2) + "\n"
    number = f"_view{options.view}" if len(policy.views) == 2 else ""
    return Export(text, f"policy_{library}{number}.json", "application/json", found)
