"""What a reader of a format is told."""

from __future__ import annotations

from dataclasses import dataclass

from quarterturn.data.unusable import DecodeLimits, UnusableImageError


@dataclass(frozen=True)
class ReadOptions:
    """Limits on each picture, and the bands taken as red, green and blue, from 1, or as grey.

    `enough` is the shorter side in pixels that is enough: large JPEGs are then decoded at a half, a
    quarter or an eighth of their size, by their own scaling. It must not depend on a set, or the
    same file would be another picture in another set.
    """

    limits: DecodeLimits
    bands: tuple[int, ...] | None = None
    enough: int | None = None


def needs_extra(what: str, extra: str) -> UnusableImageError:
    """The error of a format whose reader is not installed."""
    return UnusableImageError(
        "needs_extra", f"{what}; install quarterturn[{extra}] where files are read, to use it"
    )
