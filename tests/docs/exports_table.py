"""The tables that docs/exporting.md must hold, from the code."""

from __future__ import annotations

from quarterturn.export.support import SUPPORT, Support
from quarterturn.policy.operations import OPERATIONS

_LIBRARIES = ("torchvision", "kornia", "albumentations", "timm")


def _cell(support: Support | None) -> str:
    if support is None:
        return "refused"
    return "law" if support.tolerance is None else f"{support.tolerance:g}"


def support_table() -> list[str]:
    """Operations by libraries, with tolerances."""
    lines = [
        f"| operation | {' | '.join(f'`{name}`' for name in _LIBRARIES)} |",
        "|---|" + "---|" * len(_LIBRARIES),
    ]
    for name in (*OPERATIONS, "random_resized_crop"):
        cells = [_cell(SUPPORT[library].get(name)) for library in _LIBRARIES]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return lines


def notes_table() -> list[str]:
    """What differs, by library and note."""
    lines = ["| library | operations | difference |", "|---|---|---|"]
    for library in _LIBRARIES:
        by_note: dict[str, list[str]] = {}
        for name, support in SUPPORT[library].items():
            if support.note:
                by_note.setdefault(support.note, []).append(f"`{name}`")
        for note, names in by_note.items():
            lines.append(f"| `{library}` | {', '.join(names)} | {note} |")
    return lines
