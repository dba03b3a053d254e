"""A drawing as PNG, with a font of its own, so that it looks the same on every server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def png(svg: str, *, zoom: float = 2.0) -> bytes:
    """The picture; `zoom` pixels a unit."""
    import resvg_py  # only for those who download one

    package = find_spec("font_source_sans_pro")
    assert package is not None
    assert package.origin is not None
    fonts = Path(package.origin).parent / "files"
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            zoom=zoom,
            skip_system_fonts=True,
            font_files=[str(fonts / f"SourceSansPro-{w}.ttf") for w in ("Regular", "Semibold")],
            font_family="Source Sans Pro",
            sans_serif_family="Source Sans Pro",
        )
    )
