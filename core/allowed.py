"""Paths that a request may name: those under the folders of a setting, links resolved."""

from __future__ import annotations

from pathlib import Path

from quarterturn.errors import ForbiddenError, InvalidInputError


def resolved_under(path: str, roots: list[Path], *, setting: str, instead: str) -> Path:
    """The path without links and dots, if it lies under one of the roots; it need not exist.

    Raises:
        InvalidInputError: `path_not_found`, it leads nowhere.
        ForbiddenError: `path_not_allowed`; the sentence names the setting and what to do instead.
    """
    try:
        resolved = Path(path).resolve()
        resolved.exists()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL
        raise InvalidInputError(
            "The path cannot be followed: it is too long, or its links lead in a circle. Name a "
            "shorter one, without links.",
            code="path_not_found",
        ) from None
    if not any(resolved.is_relative_to(root.resolve()) for root in roots):
        raise ForbiddenError(
            f"The path is not under a folder that the operator allows ({setting}). {instead}",
            code="path_not_allowed",
        )
    return resolved


def allowed_source(path: str, roots: list[Path]) -> Path:
    """The folder or file at `path`, if it lies under an allow-listed root.

    Raises:
        ForbiddenError, InvalidInputError: `path_not_allowed` or `path_not_found`.
    """
    resolved = resolved_under(
        path, roots, setting="QUARTERTURN_DATASET_ROOTS", instead="Upload an archive instead."
    )
    if not (resolved.is_dir() or resolved.is_file()):
        raise InvalidInputError("There is no folder or file at that path.", code="path_not_found")
    return resolved
