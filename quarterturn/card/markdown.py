"""A card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from quarterturn.search.headline import headline
from quarterturn.search.importance import QUESTIONS


def plain(text: object) -> str:
    """Users' text, so that it is neither markup nor a cell's end."""
    line = " ".join(str(text).split())
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", line)


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _pairs(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            shown = ", ".join(f"{k} {v}" for k, v in value.items() if not isinstance(v, dict))
        else:
            shown = str(value)
        yield f"* {name.replace('_', ' ')}: {plain(shown or '–')}"


def _ranking(card: dict[str, Any]) -> Iterator[str]:
    head = ("#", "policy", "origin", "score", "reported", "seeds", "iterations", "tied")
    yield from _table(
        head,
        (
            (
                str(e["rank"]),
                plain(e["name"]),
                e["origin"],
                f"{_number(e['score'])} ± {_number(e['standard_error'], 2)}",
                f"{_number(e['reported'])} ± {_number(e['reported_error'], 2)}",
                str(e["seeds"]),
                str(e["iterations"]),
                "=" if e["tied_with_best"] else "",
            )
            for e in card["ranking"]
        ),
    )
    if card["ranking_left_out"]:
        yield f"\n{card['ranking_left_out']} more are left out."


def _importance(found: dict[str, Any]) -> Iterator[str]:
    if not found["enough"]:
        yield (
            f"Too few candidates ({found['candidates']}) differ in their operations to say which "
            "of them matter."
        )
        return
    yield (
        f"Over {found['candidates']} candidates of stage {found['stage']} at "
        f"{found['iterations']} iterations; associations, not causes. p is corrected for all rows."
    )
    yield ""
    yield from _table(
        ("operations", "question", "effect on the score", "95 % interval", "p", "verdict"),
        (
            (
                ", ".join(e["operations"]),
                QUESTIONS[e["kind"]],
                _number(e["effect"], 3),
                f"{_number(e['low'], 3)} to {_number(e['high'], 3)}",
                _number(e["p_value"], 2),
                e["verdict"].replace("_", " "),
            )
            for e in found["effects"]
        ),
    )


def _agreement(found: dict[str, Any]) -> Iterator[str]:
    known = [e for e in found["pairs"] if e["correlation"] is not None]
    if not known:
        yield "Too few candidates were measured alike."
        return
    yield from _table(
        ("criteria", "rank correlation", "95 % interval", "candidates"),
        (
            (
                " and ".join(e["criteria"]),
                _number(e["correlation"], 2),
                f"{_number(e['low'], 2)} to {_number(e['high'], 2)}",
                str(e["candidates"]),
            )
            for e in known
        ),
    )


def _use(card: dict[str, Any]) -> Iterator[str]:
    for name, entry in card["use"].items():
        if not entry["possible"]:
            yield f"* {name}: not possible. {plain(entry['why'])}"
            continue
        count = len(entry["differences"])
        source = entry.get("url") or entry["command"]
        yield f"* {name}: `{source}`" + (f" ({count} differences listed)" if count else "")


def markdown(card: dict[str, Any]) -> str:
    """The card as a Markdown document."""
    evidence = card["evidence"] or {"level": "unknown", "reasons": []}
    criterion = card["asked"]["scoring"]["criterion"]
    said = headline(criterion, evidence) if card["evidence"] else ""
    policy = card["policy"]
    lines = [
        f"# Policy card: {plain(policy['name'])}",
        "",
        f"Selected by job `{card['job']['id']}` ({plain(card['job']['name'])}). Digest of the "
        f"policy: `{policy['digest']}`.",
        "",
        "```text",
        *policy["words"],
        "```",
        "",
        "## Evidence",
        "",
        card["measure"],
        "",
        f"Level: **{evidence['level']}**. {said}",
        "",
        *(f"* {plain(reason['message'])}" for reason in evidence["reasons"]),
        "",
        *_pairs(card["selection"]),
        "",
        "## Limits and risks",
        "",
        *(f"* `{risk['code']}`: {plain(risk['message'])}" for risk in card["risks"]),
        "",
        "## Asked",
        "",
        *_pairs(card["asked"]),
        "",
        "## Data",
        "",
        *_pairs(card["data"]),
        "",
        "## Searched",
        "",
        *_pairs(card["searched"]),
        "",
        "## Ranking",
        "",
        *_ranking(card),
        "",
        "## Operations that matter",
        "",
        *_importance(card["importance"]),
        "",
        "## Agreement of criteria",
        "",
        *_agreement(card["agreement"]),
        "",
        "## Versions",
        "",
        *_pairs(card["versions"]),
        "",
        "## Reproduce",
        "",
        "```sh",
        card["reproduce"]["command"],
        "```",
        "",
        card["reproduce"]["note"],
        "",
        "## Use",
        "",
        *_use(card),
    ]
    return "\n".join(lines) + "\n"
