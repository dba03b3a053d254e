"""A policy as a Python file: a header, the runtime of a library, and the stages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from quarterturn.export.formats import Difference
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)
from quarterturn.policy.words import describe

_RUNTIMES = Path(__file__).parent / "runtimes"
_INDENT = "    "


def _call(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(argument for argument in arguments if argument)})"


def _leaf(leaf: Operation | RandomResizedCrop) -> str:
    if isinstance(leaf, RandomResizedCrop):
        return f"RandomResizedCrop({leaf.probability!r}, scale={leaf.scale}, ratio={leaf.ratio})"
    info = OPERATIONS[leaf.op]
    fills = leaf.op == "cutout" or (info.geometric and any(leaf.fill_color))
    return _call(
        "Operation",
        f'"{leaf.op}"',
        "" if leaf.probability == 1 else f"probability={leaf.probability!r}",
        f"strength=({leaf.low!r}, {leaf.high!r})" if info.has_strength else "",
        f'sign="{leaf.sign}"' if leaf.sign and leaf.sign != "random" else "",
        f"fill={leaf.fill_color}" if fills else "",
    )


def _list(items: Sequence[str], depth: int) -> str:
    inside = "".join(f"{_INDENT * (depth + 1)}{item},\n" for item in items)
    return f"[\n{inside}{_INDENT * depth}]" if items else "[]"


def _stage(stage: Stage, depth: int) -> str:
    chance = "" if stage.probability == 1 else f"probability={stage.probability!r}"
    if isinstance(stage, OneOf):
        branches = [
            f"({branch.weight!r}, [{', '.join(_leaf(leaf) for leaf in branch.stages)}])"
            for branch in stage.branches
        ]
        return _call("OneOf", _list(branches, depth), chance)
    if isinstance(stage, Sample):
        of = _list([_leaf(leaf) for leaf in stage.of], depth)
        replace = "" if stage.replace else "replace=False"
        return _call("Sample", of, f"count={stage.count}", replace, chance)
    if isinstance(stage, Shuffle):
        return _call("Shuffle", _list([_leaf(leaf) for leaf in stage.of], depth), chance)
    return _leaf(stage)


def stages_expression(stages: Sequence[Stage], depth: int = 1, rest: str = "") -> str:
    """The stages of a view, and further arguments, as an expression of the runtime's classes."""
    return f"View({_list([_stage(stage, depth + 1) for stage in stages], depth)}{rest})"


def _comment(lines: Sequence[str]) -> str:
    # Names of policies are users' text: a line break in one must not end the comment.
    plain = (" ".join(line.splitlines()) if line.strip() else "" for line in lines)
    indented = (
        raw[: len(raw) - len(raw.lstrip())] + text.lstrip()
        for raw, text in zip(lines, plain, strict=True)
    )
    return "".join(f"# {line}".rstrip() + "\n" for line in indented)


def _runtime(name: str) -> str:
    """The source of a runtime, with what it imports from the shared one in place of the import."""
    source = (_RUNTIMES / f"{name}.py").read_text(encoding="utf-8")
    shared = (_RUNTIMES / "shared.py").read_text(encoding="utf-8")
    imported = re.compile(r"^from quarterturn\..*\n\n", re.MULTILINE)
    body = shared[shared.index("COLORS = ") :]
    done, count = imported.subn(lambda _: "", source)
    assert count == 1, name
    first = done.index("Stage = ")
    return f"{done[:first].rstrip()}\n\n{body}\n\n{done[first:]}"


def python_file(
    policy: Policy, runtime: str, usage: Sequence[str], differences: Sequence[Difference], rest: str
) -> str:
    """The whole file; `rest` is the code after the runtime and before nothing else."""
    head = [
        f"Augmentation policy {policy.name!r}, exported by Quarterturn.",
        f"Digest: {policy.digest}",
        "",
        *describe(policy),
        "",
        *usage,
    ]
    if differences:
        head += ["", "Differences from the policy; also in DIFFERENCES below:"]
        head += [f"* {item.operation}: {item.message}" for item in differences]
    source = _runtime(runtime)
    listed = json.dumps([item.to_dict() for item in differences], indent=4)
    return (
        f"{_comment(head)}\n{source}\n\n"
        f"NAME = {policy.name!r}\nDIGEST = {policy.digest!r}\nDIFFERENCES = {listed}\n\n{rest}"
    )


def views_definition(policy: Policy) -> str:
    """The names `first_view` and `second_view`, with the intensity range of the search."""
    intensity = policy.input.intensity if policy.input else None
    ends = ""
    if intensity is not None:
        ends = f", intensity=({intensity.low!r}, {intensity.high!r})"
        ends += ", every=True" if intensity.of == "all" else ""
    first = f"first_view = {stages_expression(policy.view(0), 0, ends)}\n"
    if len(policy.views) == 1:
        return first + "second_view = first_view  # both are drawn anew\n"
    return first + f"second_view = {stages_expression(policy.view(1), 0, ends)}\n"
