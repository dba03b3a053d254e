"""Rendering of templates; autoescaped, no inline script or style (see the CSP in api.headers)."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from quarterturn.search.headline import headline


def duration(seconds: float | None) -> str:
    """`75` as `1 min 15 s`."""
    if seconds is None:
        return "unknown"
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def percent(value: float | None, digits: int = 1) -> str:
    """`0.8342` as `83.4`."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def score(value: float | None, criterion: str) -> str:
    """Rotation accuracy in percent, expected gains in points, other criteria as they are."""
    if criterion in ("rotation", "auto"):
        return percent(value)
    return "–" if value is None else f"{value:.4g}"


_environment = Environment(
    loader=PackageLoader("api.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals.update(headline=headline)
_environment.filters.update(duration=duration, percent=percent, score=score)


def render(template: str, **context: Any) -> str:
    """A page; `caller` decides whether it offers to sign out, `here` is marked in the menu."""
    context.setdefault("caller", None)
    context.setdefault("here", None)
    return _environment.get_template(template).render(**context)
