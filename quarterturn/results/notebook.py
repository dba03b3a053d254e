"""How jobs and policies look in notebooks: small pages, everything from outside escaped."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from quarterturn.results.states import FINAL_JOB_STATES
from quarterturn.results.wording import score_text
from quarterturn.search.headline import headline

if TYPE_CHECKING:
    from PIL import Image

_ROWS = 10
_BAR_WIDTH = 180  # pixels

_environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_environment.globals.update(headline=headline)

# Colours are those of the notebook, whose theme may be dark.
_JOB = _environment.from_string("""\
<p><b>{{ view.name }}</b>: {{ view.state }}, {{ view.counts.completed }} of \
{{ view.trials_total }} trials{{ "" if ended else ", so far" }}. \
<a href="{{ url }}">Dashboard</a></p>
{% if view.message %}
<p>{{ view.message }}</p>
{% endif %}
{% if not ended %}
<progress max="{{ view.trials_total }}" value="{{ view.counts.completed }}" \
style="width: {{ width }}px" aria-label="trials"></progress>
{% endif %}
{% if rows %}
<table><thead><tr><th>#</th><th>policy</th><th>{{ view.criterion }}</th><th></th>\
<th>seeds</th><th>iterations</th></tr></thead><tbody>
{% for row in rows %}
<tr{% if row.apart %} style="border-top: 1px solid"{% endif %}>\
<td>{{ row.rank }}{{ " =" if row.tied_with_best and row.rank > 1 else "" }}</td>\
<td style="text-align: left">{{ row.name }}\
{{ " (baseline)" if row.origin == "baseline" else "" }}\
{{ " (collapsed)" if row.collapsed else "" }}</td>\
<td>{{ row.text }}</td>\
<td><svg width="{{ width }}" height="14" aria-hidden="true">\
<line x1="{{ row.low }}" x2="{{ row.high }}" y1="7" y2="7" stroke="currentColor"/>\
<circle cx="{{ row.at }}" cy="7" r="4" stroke="currentColor" \
fill="{{ "none" if row.origin == "baseline" else "currentColor" }}"/></svg></td>\
<td>{{ row.seeds }}</td><td>{{ row.iterations }}</td></tr>
{% endfor %}
</tbody></table>
<p>= not significantly different from the best (95 %). Bars are one standard error; baselines are \
hollow.\
{% if rows | selectattr("apart") | list %} Rows below a line were measured in another stage or for \
another length and are not comparable with those above.{% endif %}\
{% if left_out %} {{ left_out }} more are in <code>ranking</code>.{% endif %}
{% if view.evidence %} Evidence: <b>{{ view.evidence.level }}</b>. \
{{ headline(view.criterion, view.evidence, live=not view.policy_ready) }}{% endif %}</p>
{% endif %}
{% for warning in view.warnings %}
<p>&#9888; {{ warning.message }}</p>
{% endfor %}
""")

_POLICY = _environment.from_string("""\
<p><b>{{ policy.name }}</b>\
{% if selection.score is not none and selection.score is defined %}: \
{{ selection.criterion }} {{ score }}, measured on {{ selection.measured_on }}{% endif %}\
{% if selection.evidence %}. Evidence: <b>{{ selection.evidence.level }}</b>{% endif %}</p>
{% if selection.tied_with %}
<p>Cannot be told at 95 % from: {{ selection.tied_with | join(", ") }}.</p>
{% endif %}
<pre>{{ words | join("\n") }}</pre>
{% if sheet %}
<img src="data:image/png;base64,{{ sheet }}" \
alt="Images of the search, each beside several views of it under this policy">
{% endif %}
{% for warning in selection.warnings or [] %}
<p>&#9888; {{ warning.message }}</p>
{% endfor %}
""")


def _measured(row: dict[str, Any]) -> tuple[str, int]:
    return row["stage"], row["iterations"]


def _drawn(rows: list[dict[str, Any]], criterion: str) -> list[dict[str, Any]]:
    """The rows with their scores as text and as places in pixels, on one scale for all."""
    ends = [
        (row["score"] - row["standard_error"], row["score"] + row["standard_error"]) for row in rows
    ]
    low, high = min((end[0] for end in ends), default=0.0), max((end[1] for end in ends), default=1)

    def place(value: float) -> float:
        return round(5 + (_BAR_WIDTH - 10) * (value - low) / ((high - low) or 1.0), 1)

    return [
        {
            **row,
            "text": score_text(row["score"], row["standard_error"], criterion),
            "at": place(row["score"]),
            "low": place(end[0]),
            "apart": before is not None and _measured(row) != _measured(before),
            "high": place(end[1]),
        }
        for row, end, before in zip(rows, ends, [None, *rows], strict=False)
    ]


def job_html(view: dict[str, Any], url: str) -> str:
    """Where a job stands, from its dashboard: progress, and the first of the ranking."""
    rows = _drawn(view["ranking"][:_ROWS], view["criterion"])
    return _JOB.render(
        view=view,
        url=url,
        rows=rows,
        width=_BAR_WIDTH,
        ended=view["state"] in FINAL_JOB_STATES,
        left_out=len(view["ranking"]) - len(rows) + view.get("ranking_left_out", 0),
    )


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return type(get_ipython()).__name__ == "ZMQInteractiveShell"


@contextmanager
def progress(url: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Below the cell: where a job stands; yields the function that updates it."""
    from IPython.display import HTML, display

    shown = display(HTML(""), display_id=True)  # type: ignore[no-untyped-call]
    before = ""

    def watch(view: dict[str, Any]) -> None:
        nonlocal before
        if (html := job_html(view, url)) != before:
            shown.update(HTML(html))  # type: ignore[no-untyped-call]
            before = html

    yield watch


def policy_html(
    name: str, words: list[str], selection: dict[str, Any], sheet: Image.Image | None
) -> str:
    """A policy in words with its score, and a contact sheet."""
    encoded = None
    if sheet is not None:
        buffer = io.BytesIO()
        sheet.save(buffer, "PNG")
        encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    score = score_text(
        selection.get("score"), selection.get("standard_error"), selection.get("criterion", "")
    )
    return _POLICY.render(
        policy={"name": name}, words=words, selection=selection, score=score, sheet=encoded
    )
