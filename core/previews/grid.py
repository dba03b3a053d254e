"""Pictures in columns, as PNG; what they are is said beside them."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image

_GAP = 3


def cell_of(resolution: int, about: int) -> int:
    """The size at which pictures are shown: a whole multiple of theirs, near `about` pixels."""
    return resolution * max(1, round(about / resolution))


def grid(columns: Sequence[Sequence[Image.Image]], cell: int) -> bytes:
    """The columns side by side, all of one length, on a transparent ground."""
    step = cell + _GAP
    size = (step * len(columns) - _GAP, step * len(columns[0]) - _GAP)
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    for x, column in enumerate(columns):
        for y, picture in enumerate(column):
            shown = picture.resize((cell, cell), Image.Resampling.NEAREST)
            sheet.paste(shown, (step * x, step * y))
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    return encoded.getvalue()
