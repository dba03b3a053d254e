"""A policy as a Python file: a header, the runtime of a library, and the stages."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path

from quarterturn.export.formats import Difference
from quarterturn.export.releases import release_check
from quarterturn.policy.leaves import leaves
from quarterturn.policy.operations import COLOR_OPERATIONS, OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)
from quarterturn.policy.searched import searched_lines, searched_side
from quarterturn.policy.words import describe

_RUNTIMES = Path(__file__).parent / "runtimes"
_INDENT = "    "
_PACKAGE = "quarterturn.export.runtimes."
#: Operations whose strength is in pixels of the pictures that were searched on.
_IN_PIXELS = ("gaussian_blur",)


def _call(name: str, *arguments: str) -> str:
    return f"{name}({', '.join(argument for argument in arguments if argument)})"


def _leaf(leaf: Operation | RandomResizedCrop, side: int | None) -> str:
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
        f"side={side}" if side and leaf.op in _IN_PIXELS else "",
    )


def _list(items: Sequence[str], depth: int) -> str:
    inside = "".join(f"{_INDENT * (depth + 1)}{item},\n" for item in items)
    return f"[\n{inside}{_INDENT * depth}]" if items else "[]"


def _stage(stage: Stage, depth: int, side: int | None) -> str:
    chance = "" if stage.probability == 1 else f"probability={stage.probability!r}"
    if isinstance(stage, OneOf):
        branches = [
            f"({branch.weight!r}, [{', '.join(_leaf(leaf, side) for leaf in branch.stages)}])"
            for branch in stage.branches
        ]
        return _call("OneOf", _list(branches, depth), chance)
    if isinstance(stage, Sample):
        of = _list([_leaf(leaf, side) for leaf in stage.of], depth)
        replace = "" if stage.replace else "replace=False"
        return _call("Sample", of, f"count={stage.count}", replace, chance)
    if isinstance(stage, Shuffle):
        return _call("Shuffle", _list([_leaf(leaf, side) for leaf in stage.of], depth), chance)
    return _leaf(stage, side)


def stages_expression(stages: Sequence[Stage], side: int | None, rest: str) -> str:
    """The stages of a view, and further arguments, as an expression of the runtime's classes."""
    return f"View({_list([_stage(stage, 1, side) for stage in stages], 0)}{rest})"


def _comment(lines: Sequence[str]) -> str:
    # Names of policies are users' text: a line break in one must not end the comment.
    plain = (" ".join(line.splitlines()) if line.strip() else "" for line in lines)
    indented = (
        raw[: len(raw) - len(raw.lstrip())] + text.lstrip()
        for raw, text in zip(lines, plain, strict=True)
    )
    return "".join(f"# {line}".rstrip() + "\n" for line in indented)


def _inlined(path: Path, seen: set[str]) -> tuple[str, str]:
    """The source of a file of the runtimes before and behind its imports from the others, whose
    source stands in between, each once.
    """
    source = path.read_text(encoding="utf-8")
    lines, before, inner, reached = source.splitlines(keepends=True), "", "", 0
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(_PACKAGE):
            continue
        assert node.module is not None
        assert node.end_lineno is not None
        before += "".join(lines[reached : node.lineno - 1])
        reached = node.end_lineno
        name = node.module.removeprefix(_PACKAGE)
        if name not in seen:
            seen.add(name)
            inner += _body(path.with_name(f"{name}.py"), seen)
    return before + inner, "".join(lines[reached:])


def _body(path: Path, seen: set[str]) -> str:
    """The source without its docstring and its first import, which may stand once in a file."""
    whole = "".join(_inlined(path, seen))
    return whole.split("from __future__ import annotations\n", 1)[1].rstrip() + "\n\n\n"


def _runtime(name: str, library: str) -> str:
    """The source of a runtime with what it imports from the others, and the check of the release
    before anything uses the library.
    """
    before, behind = _inlined(_RUNTIMES / f"{name}.py", set())
    return f"{before}{release_check(library)}{behind}"


def python_file(
    policy: Policy,
    library: str,
    usage: Sequence[str],
    differences: Sequence[Difference],
    rest: str,
    *,
    size: int | None,
    runtime: str | None = None,
) -> str:
    """The whole file: a head of comments, the runtime, constants, and `rest`.

    Args:
        library: whose releases are checked; the name of the runtime, unless given.
        size: side of the squares that views return, or None.
    """
    head = [
        f"Augmentation policy {policy.name!r}, exported by Quarterturn.",
        f"Digest: {policy.digest}",
        *searched_lines(policy),
        f"Returns: {f'{size} x {size} pixels' if size else 'pictures of the size they have'}",
        "",
        *describe(policy),
        "",
        *usage,
    ]
    if differences:
        head += ["", "Differences from the policy; also in DIFFERENCES below:"]
        head += [f"* {item.operation}: {item.message}" for item in differences]
    listed = json.dumps([item.to_dict() for item in differences], indent=4)
    constants = {
        "NAME": policy.name,
        "DIGEST": policy.digest,
        "SEARCHED_SIDE": searched_side(policy),
        "SIZE": size,
    }
    told = "".join(f"{name} = {value!r}\n" for name, value in constants.items())
    return (
        f"{_comment(head)}\n{_runtime(runtime or library, library)}\n\n"
        f"{told}DIFFERENCES = {listed}\n\n{rest}"
    )


def colors_of(policy: Policy) -> tuple[str, ...]:
    """Operations of the policy that need red, green and blue."""
    used = {leaf.op for view in policy.views for leaf in leaves(view)}
    return tuple(name for name in COLOR_OPERATIONS if name in used)


def intensity_of(policy: Policy) -> tuple[float, float] | None:
    """Values of samples of more than 8 bits that are black and white."""
    intensity = policy.input.intensity if policy.input else None
    return None if intensity is None or intensity.of != "deep" else (intensity.low, intensity.high)


def fit_of(policy: Policy) -> str:
    """How pictures become squares."""
    return policy.input.fit if policy.input else "crop"


def view_arguments(policy: Policy) -> str:
    """The arguments of a view behind its stages: the range of the search, and squares."""
    intensity = policy.input.intensity if policy.input else None
    ends = ""
    if intensity is not None:
        ends = f", intensity=({intensity.low!r}, {intensity.high!r})"
        ends += ", every=True" if intensity.of == "all" else ""
    return f"{ends}, fit={fit_of(policy)!r}, size=SIZE"


def both_views(policy: Policy, expression: Sequence[str]) -> str:
    """The names `first_view` and `second_view`, of one expression or two."""
    first = f"first_view = {expression[0]}\n"
    if len(policy.views) == 1:
        return first + "second_view = first_view  # both are drawn anew\n"
    return first + f"second_view = {expression[1]}\n"


def views_definition(policy: Policy) -> str:
    """The names `first_view` and `second_view`, with the intensity range of the search."""
    rest, side = view_arguments(policy), searched_side(policy)
    return both_views(policy, [stages_expression(view, side, rest) for view in policy.views])
