"""Figures as downloads."""

from __future__ import annotations

from fastapi.responses import Response

from core.charts.figure import Figure
from core.charts.png import png

_TYPES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv; charset=utf-8"}


def figure_file(figure: Figure, format: str, name: str) -> Response:
    """The figure as `svg`, `png` or `csv`, to be kept under a name."""
    content: str | bytes = figure.svg
    if format == "csv":
        content = figure.csv()
    elif format == "png":
        content = png(figure.svg)
    disposition = f'inline; filename="{name}.{format}"'
    return Response(
        content, media_type=_TYPES[format], headers={"Content-Disposition": disposition}
    )
