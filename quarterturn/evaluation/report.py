"""The scores of several encoders: what was measured, and which are tied with the best."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterturn.results.table import to_frame

if TYPE_CHECKING:
    import pandas

#: Shown in hundredths.
_PERCENT = ("rotation", "reference", "reference_r2", "reference_knn")
_WORDS = {
    "rotation": "rotation accuracy, %",
    "reference": "reference R2w, %",
    "reference_r2": "reference R2, %",
    "reference_knn": "reference neighbors, %",
    "rankme": "RankMe",
    "feature_std": "spread",
}


@dataclass(frozen=True)
class EncoderScore:
    """One encoder.

    Attributes:
        dimension: of its features.
        criteria, errors: each criterion and its standard error from the choice of images.
        tied_with_best: whether images alone could explain its distance to the first, at 95 %.
    """

    name: str
    dimension: int
    criteria: Mapping[str, float]
    errors: Mapping[str, float]
    tied_with_best: bool = False


@dataclass(frozen=True)
class EncoderScores:
    """A ranking of encoders on one set of images, best first.

    Attributes:
        criterion: that ranks; the others are told beside it.
        images: how many were measured on, and how many the rotation probe was fitted to.
    """

    criterion: str
    ranking: Sequence[EncoderScore]
    images: Mapping[str, int]
    resolution: int
    reference: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "ranking": [asdict(entry) for entry in self.ranking]}

    def frame(self) -> pandas.DataFrame:
        """One row per encoder, the best first.

        Raises:
            UnavailableError: `library_missing`, pandas is not installed.
        """
        rows = [
            {
                "rank": place,
                "encoder": entry.name,
                "dimension": entry.dimension,
                **entry.criteria,
                **{f"{name}_error": value for name, value in entry.errors.items()},
                "tied_with_best": entry.tied_with_best,
            }
            for place, entry in enumerate(self.ranking, 1)
        ]
        return to_frame(rows, None, "Scores as a table").set_index("rank")

    def table(self) -> tuple[list[str], list[list[str]]]:
        """The heading and the lines of the ranking as text; that by which it ranks comes first."""
        names = list(self.ranking[0].criteria)
        names.sort(key=lambda name: name != self.criterion)
        head = ["#", "encoder", *(_WORDS.get(name, name) for name in names), "dimension"]
        lines = []
        for place, entry in enumerate(self.ranking, 1):
            tied = "= " if entry.tied_with_best and place > 1 else ""
            cells = [_cell(name, entry.criteria[name], entry.errors[name]) for name in names]
            lines.append([f"{tied}{place}", entry.name, *cells, str(entry.dimension)])
        return head, lines

    def notes(self) -> list[str]:
        """What to know of the ranking."""
        found = [
            "= not significantly different from the best (95 %), images alone considered.",
            f"Measured on {self.images['measured']} images at {self.resolution} pixels; the "
            f"rotation probe was fitted to {self.images['fitted']} others.",
        ]
        if self.reference is None:
            found.append(
                "Rotation says little of images without an upright, such as textures and views "
                "from above. With a reference encoder there is a second opinion."
            )
        return found

    def page(self) -> str:
        """An HTML page of its own with the ranking."""
        head, lines = self.table()
        cells = "".join(f"<th scope=col>{html.escape(name)}</th>" for name in head)
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>"
            for line in lines
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes())
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Encoders</title>'
            '<meta name="viewport" content="width=device-width"><style>body{font:16px/1.5 '
            "system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color-scheme:"
            "light dark}div{overflow-x:auto}table{border-collapse:collapse}th,td{padding:.4rem "
            ".8rem;text-align:left;border-bottom:1px solid #8884;white-space:nowrap}</style>"
            f"<h1>Encoders, ranked without labels</h1><div><table><thead><tr>{cells}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>{notes}</html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Write the page, or for a name ending in .json the numbers; returns where it lies."""
        target = Path(path)
        as_json = target.suffix == ".json"
        text = json.dumps(self.to_dict(), indent=2) + "\n" if as_json else self.page()
        target.write_text(text, encoding="utf-8")
        return target


def _cell(name: str, value: float, error: float) -> str:
    if name in _PERCENT:
        return f"{100 * value:.1f} ± {100 * error:.1f}"
    return f"{value:.3g} ± {error:.2g}"
