"""A drawing as SVG that stands alone, and that a page may colour anew.

Colours are attributes, so that a file shows them anywhere; each mark has a class too, by which the
style sheet of the pages gives it the colours of the reader's theme.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

#: Colours on white, told apart with any colour vision (after Okabe and Ito, darkened to 3:1).
COLOURS = {
    "ink": "#1a2430",
    "soft": "#55606e",
    "line": "#dbe1e9",
    "paper": "#ffffff",
    "blue": "#0b63a8",
    "orange": "#c2540a",
    "green": "#00795a",
    "purple": "#9a4c82",
    "sky": "#2f86c1",
    "grey": "#808b99",
    "red": "#b3261e",
}
#: For series, in this order; none is told by colour alone.
SERIES = ("blue", "orange", "green", "purple", "sky", "red", "grey")
FONT = "Source Sans Pro, system-ui, -apple-system, Segoe UI, sans-serif"
_NAMESPACE = "http://www.w3.org/2000/svg"
#: What XML cannot hold, however it is written.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _written(text: str) -> str:
    return _UNWRITABLE.sub("?", text)


def short(text: str, most: int) -> str:
    """The text, cut where it is too long to stand beside a mark."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


class Drawing:
    """An SVG of `width` x `height` units; one unit is a pixel at full size."""

    def __init__(self, width: float, height: float, title: str, description: str) -> None:
        self.width, self.height = width, height
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": _NAMESPACE,
                "viewBox": f"0 0 {width:g} {height:g}",
                "width": f"{width:g}",
                "height": f"{height:g}",
                "role": "img",
                "class": "chart",
                "font-family": FONT,
                "font-size": "12.5",
                "aria-label": _written(f"{title}. {description}"),
            },
        )
        self._parts = [self._root]
        ElementTree.SubElement(self._root, "title").text = _written(title)
        ElementTree.SubElement(self._root, "desc").text = _written(description)
        self.box(0, 0, width, height, "paper")

    def _add(self, tag: str, kind: str, **values: object) -> ElementTree.Element:
        attributes = {"class": kind} if kind else {}
        for name, value in values.items():
            if value is None:
                continue
            text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
            attributes[name.rstrip("_").replace("_", "-")] = str(text)
        return ElementTree.SubElement(self._parts[-1], tag, attributes)

    @staticmethod
    def _hint(element: ElementTree.Element, hint: str | None) -> None:
        if hint:
            ElementTree.SubElement(element, "title").text = _written(hint)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = "ink",
        *,
        anchor: str = "start",
        size: float | None = None,
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Text with its base line at `y`; `turned` reads upwards."""
        element = self._add(
            "text",
            f"f-{colour}",
            x=float(x),
            y=float(y),
            fill=COLOURS[colour],
            text_anchor=None if anchor == "start" else anchor,
            font_size=size,
            font_weight="600" if bold else None,
            transform=f"rotate(-90 {x:.1f} {y:.1f})" if turned else None,
        )
        element.text = _written(text)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: str,
        *,
        hint: str | None = None,
        opacity: float | None = None,
        radius: float | None = None,
    ) -> None:
        """A filled rectangle."""
        self._hint(
            self._add(
                "rect",
                f"f-{colour}",
                x=float(x),
                y=float(y),
                width=float(max(width, 0.0)),
                height=float(max(height, 0.0)),
                fill=COLOURS[colour],
                opacity=opacity,
                rx=radius,
            ),
            hint,
        )

    def line(
        self,
        points: list[tuple[float, float]],
        colour: str,
        *,
        width: float = 1.0,
        dashes: str | None = None,
        opacity: float | None = None,
        hint: str | None = None,
    ) -> None:
        """A line through points."""
        self._hint(
            self._add(
                "polyline",
                f"s-{colour}",
                points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
                fill="none",
                stroke=COLOURS[colour],
                stroke_width=width,
                stroke_dasharray=dashes,
                stroke_linejoin="round",
                stroke_opacity=opacity,
            ),
            hint,
        )

    def dot(
        self,
        x: float,
        y: float,
        colour: str,
        *,
        radius: float = 3.5,
        hollow: bool = False,
        hint: str | None = None,
        opacity: float | None = None,
    ) -> None:
        """A disc, or with `hollow` a ring."""
        fill, kind = ("paper", f"f-paper s-{colour}") if hollow else (colour, f"f-{colour}")
        self._hint(
            self._add(
                "circle",
                kind,
                cx=float(x),
                cy=float(y),
                r=radius,
                fill=COLOURS[fill],
                stroke=COLOURS[colour] if hollow else None,
                stroke_width=1.8 if hollow else None,
                opacity=opacity,
            ),
            hint,
        )

    def cross(self, x: float, y: float, colour: str, *, size: float = 3.5) -> None:
        """An x."""
        for sign in (1, -1):
            self.line([(x - size, y - sign * size), (x + size, y + sign * size)], colour, width=1.8)

    def arrow(self, x: float, y: float, way: int, colour: str) -> None:
        """The head of an arrow to the left (-1) or to the right (1)."""
        self.line([(x - 7 * way, y - 5), (x, y), (x - 7 * way, y + 5)], colour, width=1.6)

    def error(self, low: float, high: float, y: float, colour: str) -> None:
        """A horizontal interval with caps."""
        self.line([(low, y), (high, y)], colour, width=1.6)
        for x in (low, high):
            self.line([(x, y - 4), (x, y + 4)], colour, width=1.6)

    def svg(self) -> str:
        """The file."""
        return ElementTree.tostring(self._root, encoding="unicode", short_empty_elements=True)
