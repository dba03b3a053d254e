"""Figures as downloads."""

from __future__ import annotations

from fastapi.responses import Response

from core.charts.figure import Figure
from core.charts.png import png

_TYPES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv; charset=utf-8"}


def figure_content(figure: Figure, format: str) -> bytes:
    """The figure as `svg`, `png` or `csv`."""
    if format == "png":
        return png(figure.svg)
    return (figure.csv() if format == "csv" else figure.svg).encode()


def figure_answer(content: bytes, format: str, name: str) -> Response:
    """A figure to be kept under a name."""
    disposition = f'inline; filename="{name}.{format}"'
    return Response(
        content, media_type=_TYPES[format], headers={"Content-Disposition": disposition}
    )
