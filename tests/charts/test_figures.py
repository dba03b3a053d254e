"""Figures hold what they are given, stay small, and say what they show."""

from __future__ import annotations

import csv
import io
import itertools
import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.charts.best import Scored, best_so_far
from core.charts.curves import Curve, learning_curves
from core.charts.drawing import COLOURS
from core.charts.figure import Figure, spread
from core.charts.importance import importance_figure
from core.charts.parallel import Point, parallel
from core.charts.png import png
from core.charts.ranking import ranking_figure
from core.charts.scales import Scale, ticks, widened
from core.charts.survival import Reached, survival
from core.charts.timeline import Span, timeline

_SVG = "{http://www.w3.org/2000/svg}"
_UNIT = {"unit": "rotation accuracy (%)", "scale": 100.0}


def _entry(rank: int, name: str = "<b>&", score: float = 0.6) -> dict[str, object]:
    return {
        "rank": rank,
        "name": name,
        "origin": "search",
        "score": score,
        "standard_error": 0.01,
        "seeds": 2,
        "iterations": 9,
        "tied_with_best": rank < 3,
        "reported": None,
        "reported_error": None,
        "candidate": f"{rank:016x}",
    }


def _many() -> list[Figure]:
    """One of each, of ten thousand."""
    size = 10_000
    scored = [Scored(n, 0.3 + n / 3e4, f"c{n}", "search", 60) for n in range(size)]
    points = [Point(f"c{n}", (n % 7 / 7, n % 11 / 11), n / size) for n in range(size)]
    spans = [Span(f"w{n % 40}", f"t{n}", "c", 1, n, n + 3.0, "completed") for n in range(400)]
    return [
        best_so_far(scored, **_UNIT, elapsed=2e4),
        parallel(("hue", "cutout"), points, meaning="doses", **_UNIT),
        timeline(spans, left_out=9600),
        ranking_figure([_entry(n + 1) for n in range(size)], **_UNIT, chance=0.25),
        survival([Reached("search", 20 * n, 9 - n, 6, 0, 0.5) for n in range(1, 9)], **_UNIT),
    ]


@pytest.fixture(scope="module")
def many() -> list[Figure]:
    return _many()


def test_they_stay_small_whatever_the_job(many: list[Figure]) -> None:
    for figure in many:
        assert len(figure.svg) < 100_000, figure.title
        assert len(list(ElementTree.fromstring(figure.svg).iter())) < 1200, figure.title


def test_they_say_what_they_show(many: list[Figure]) -> None:
    for figure in many:
        root = ElementTree.fromstring(figure.svg)
        assert root.findtext(f"{_SVG}title") == figure.title
        assert root.findtext(f"{_SVG}desc")
        assert root.get("role") == "img"
        texts = [text.text for text in root.iter(f"{_SVG}text")]
        assert any(
            "seconds" in (t or "")
            or "minutes" in (t or "")
            or "hours" in (t or "")
            or "accuracy" in (t or "")
            or "candidates" in (t or "")
            for t in texts
        )
        assert figure.reading.endswith(".")
        used = {e.get("fill") for e in root.iter()} | {e.get("stroke") for e in root.iter()}
        assert used <= {None, "none", *COLOURS.values()}


def test_the_numbers_are_those_that_were_given() -> None:
    entries = [_entry(1, "=1+1"), _entry(2, "\x01\ud800<script>")]
    figure = ranking_figure(entries, **_UNIT, chance=0.25)
    assert "2. ??<script>" in "".join(ElementTree.fromstring(figure.svg).itertext())
    rows = list(csv.reader(io.StringIO(figure.csv())))
    assert rows[0] == list(figure.head)
    assert rows[1][:4] == ["1", "'=1+1", "search", "0.6"], "no formula for a spreadsheet"
    assert [row[7] for row in rows[1:]] == ["true", "true"]


def test_best_is_a_step_line_over_what_was_scored() -> None:
    points = [
        Scored(1, 0.4, "a", "search", 5),
        Scored(2, 0.3, "b", "baseline", 5),
        Scored(3, 0.5, "c", "search", 5),
    ]
    figure = best_so_far(points, **_UNIT, elapsed=4)
    assert [row[-1] for row in figure.rows] == ["true", "false", "true"]
    root = ElementTree.fromstring(figure.svg)
    (line,) = [
        e
        for e in root.iter(f"{_SVG}polyline")
        if e.get("stroke-width") == "2.4"
        and "s-blue" in str(e.get("class"))
        and len(str(e.get("points")).split()) > 2
    ]
    places = [tuple(map(float, p.split(","))) for p in str(line.get("points")).split()]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in itertools.pairwise(places))


def test_a_lost_lease_is_seen() -> None:
    spans = [Span("w", "t", "c", 1, 0, 5, "lost"), Span("w", "t", "c", 2, 6, 9, "completed")]
    figure = timeline(spans, left_out=0)
    assert [row[-1] for row in figure.rows] == ["lost", "completed"]
    assert COLOURS["red"] in figure.svg
    assert "attempt 1: lost, 5.0 s" in figure.svg


def test_of_nothing_they_say_so() -> None:
    empty = {"effects": [], "candidates": 3, "iterations": None}
    for figure in (
        best_so_far([], **_UNIT, elapsed=0),
        ranking_figure([], **_UNIT, chance=None),
        survival([], **_UNIT),
        timeline([], left_out=0),
        learning_curves([], method="simclr"),
        parallel((), [], meaning="doses", **_UNIT),
        importance_figure(empty, **_UNIT),
    ):
        assert figure.rows == ()
        assert len(ElementTree.fromstring(figure.svg).findall(f"{_SVG}text")) == 1


def test_effects_are_drawn_with_their_intervals_and_colours() -> None:
    effects = [
        {
            "operations": ("hue",),
            "kind": "dose",
            "candidates": 12,
            "verdict": verdict,
            "effect": 0.05,
            "low": 0.02,
            "high": 0.08,
            "p_value": 0.01,
        }
        for verdict in ("better", "unclear")
    ]
    none = {**effects[0], "verdict": "too_few", "effect": None, "low": None, "high": None}
    found = {"effects": [*effects, none], "candidates": 12, "iterations": 60}
    figure = importance_figure(found, **_UNIT)
    assert len(figure.rows) == 3
    assert figure.svg.count("hue (amount): 5 (2 to 8)") == 2
    assert COLOURS["green"] in figure.svg


def test_as_png_with_a_font_of_its_own() -> None:
    curves = [Curve(f"policy {n}", ((0.0, 5.0), (50.0, 4.0 - n / 10))) for n in range(9)]
    figure = learning_curves(curves, method="simclr")
    picture = Image.open(io.BytesIO(png(figure.svg)))
    assert picture.size == (1120, 600)
    names = picture.convert("L").crop((860, 20, 1120, 500))
    assert names.getextrema()[0] < 140, "the names are there"


@given(st.floats(-100, 100), st.floats(0.01, 1e4))
def test_ticks_are_within_and_evenly_spaced(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 2 <= len(found) <= 11
    assert all(low - 1e-6 * width <= t <= low + width * (1 + 1e-6) for t in found)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_a_scale_keeps_everything_inside(values: list[float]) -> None:
    low, high = widened(values, least=0.1)
    scale = Scale(low, high, 10, 90)
    assert all(10 <= scale(v) <= 90 for v in values)
    assert high - low >= 0.1 - 1e-9
    assert math.isclose(scale(low), 10)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_labels_do_not_overlap(values: list[float]) -> None:
    places = spread(sorted(values), 0, 100, 15)
    assert all(b - a >= 15 - 1e-6 for a, b in itertools.pairwise(places))
