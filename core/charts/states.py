"""A diagram of states and what each may become, from the lines of a Mermaid state diagram.

States stand one below the other. Changes downwards run on the right, those upwards on the left,
each on a track of its own and in the colour of the state that it leaves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from core.charts.drawing import SERIES, Drawing

_ARROW = re.compile(r"^ *(\S+) --> (\S+) *$", re.MULTILINE)
_OUTSIDE = "[*]"
_WIDTH, _STEP, _TRACK, _GAP, _EDGE = 118.0, 11.0, 13.0, 16.0, 12.0


@dataclass(frozen=True)
class _Change:
    source: int
    target: int

    @property
    def way(self) -> int:
        """1 for the right side, -1 for the left."""
        return 1 if self.target > self.source else -1

    @property
    def span(self) -> int:
        return abs(self.target - self.source)


def changes_of(mermaid: str) -> list[tuple[str, str]]:
    """Pairs of states, `[*]` standing for the beginning and the end."""
    return _ARROW.findall(mermaid)


def _ports(changes: list[_Change]) -> dict[tuple[_Change, bool], int]:
    """Where each change leaves (True) and enters, counted along the side of its state, so that
    changes of one state do not cross.
    """
    sides: dict[tuple[int, int], list[tuple[_Change, bool]]] = defaultdict(list)
    for change in changes:
        sides[change.source, change.way].append((change, True))
        sides[change.target, change.way].append((change, False))
    found = {}
    for (_, way), ends in sides.items():
        # Downwards: what enters comes before what leaves; the longest is in the middle.
        ordered = sorted(ends, key=lambda e: (e[1], -e[0].span if e[1] else e[0].span))
        for place, end in enumerate(ordered if way == 1 else reversed(ordered)):
            found[end] = place
    return found


def _tracks(changes: list[_Change]) -> dict[_Change, int]:
    """The track of each change, from the states outwards; short ones are nearest."""
    found = {}
    for way in (1, -1):
        side = sorted((c for c in changes if c.way == way), key=lambda c: (c.span, c.source))
        found.update({change: place for place, change in enumerate(side)})
    return found


def state_diagram(mermaid: str, title: str) -> str:
    """The diagram as SVG."""
    pairs = changes_of(mermaid)
    states = list(dict.fromkeys(name for pair in pairs for name in pair if name != _OUTSIDE))
    first = {target for source, target in pairs if source == _OUTSIDE}
    last = {source for source, target in pairs if target == _OUTSIDE}
    changes = [
        _Change(states.index(a), states.index(b)) for a, b in pairs if _OUTSIDE not in (a, b)
    ]
    ports, tracks = _ports(changes), _tracks(changes)
    count = {
        n: max(
            (p for (c, leaves), p in ports.items() if (c.source if leaves else c.target) == n),
            default=0,
        )
        + 1
        for n in range(len(states))
    }
    heights = [max(30.0, _STEP * count[n] + 6.0) for n in range(len(states))]
    tops = [_EDGE + 22.0 + sum(heights[:n]) + _GAP * n for n in range(len(states))]
    lanes = {way: sum(c.way == way for c in changes) for way in (1, -1)}
    left = _EDGE + _TRACK * (lanes[-1] + 1)
    right = left + _WIDTH
    words = ". ".join(f"{a} may become {b}" for a, b in pairs if _OUTSIDE not in (a, b))
    drawing = Drawing(
        right + _TRACK * (lanes[1] + 1) + _EDGE, tops[-1] + heights[-1] + _EDGE, title, words
    )
    for change in sorted(changes, key=lambda c: -tracks[c]):
        side = right if change.way == 1 else left
        x = side + change.way * _TRACK * (tracks[change] + 1)
        begin, end = (
            tops[n] + heights[n] / 2 + _STEP * (ports[change, leaves] - (count[n] - 1) / 2)
            for n, leaves in ((change.source, True), (change.target, False))
        )
        colour = SERIES[change.source % len(SERIES)]
        hint = f"{states[change.source]} may become {states[change.target]}"
        path = [(side, begin), (x, begin), (x, end), (side, end)]
        drawing.line(path, colour, width=1.5, hint=hint)
        drawing.arrow(side, end, -change.way, colour)
    for n, name in enumerate(states):
        colour = "soft" if name in last else SERIES[n % len(SERIES)]
        drawing.box(left, tops[n], _WIDTH, heights[n], colour, radius=6.0)
        drawing.box(left + 2, tops[n] + 2, _WIDTH - 4, heights[n] - 4, "paper", radius=4.0)
        if name in last:  # a second border: nothing leaves it
            drawing.box(left + 4, tops[n] + 4, _WIDTH - 8, heights[n] - 8, "line", radius=3.0)
        drawing.text(
            left + _WIDTH / 2,
            tops[n] + heights[n] / 2 + 4.5,
            name,
            anchor="middle",
            bold=name in first,
        )
        if name in first:
            drawing.line([(left + _WIDTH / 2, _EDGE), (left + _WIDTH / 2, tops[n])], "ink")
            drawing.dot(left + _WIDTH / 2, _EDGE, "ink")
    return drawing.svg()
