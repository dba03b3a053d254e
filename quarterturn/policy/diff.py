"""Two policies in words: what one does that the other does not."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import ndiff

from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import Policy
from quarterturn.policy.shares import Share, shares_of
from quarterturn.policy.words import describe


def _times(share: Share) -> str:
    return (
        f"{100 * share.rate:.0f} % of pictures"
        if share.rate <= 1
        else (f"{share.rate:.2g} times a picture")
    )


def _strength(name: str, share: Share) -> str:
    unit = OPERATIONS[name].unit
    return f"mean strength {share.strength:.3g}, at most {share.strongest:.3g} ({unit})"


def _whole(name: str, share: Share) -> str:
    return _times(share) + ("" if share.strength is None else f", {_strength(name, share)}")


def _changed(name: str, old: Share, new: Share) -> Iterator[str]:
    if abs(old.rate - new.rate) > 1e-6:
        yield f"{_times(old)} → {_times(new)}"
    if old.strength is None or new.strength is None:
        return
    pairs = ((old.strength, new.strength), (old.strongest or 0.0, new.strongest or 0.0))
    if any(abs(a - b) > 1e-6 for a, b in pairs):
        yield f"{_strength(name, old)} → {_strength(name, new)}"


def compare(first: Policy, second: Policy) -> list[str]:
    """What changes from the first policy to the second, line by line.

    First by operation, over both views; then the descriptions, with the lines of only one marked
    `-` and `+`.
    """
    if first.digest == second.digest:
        return ["Both do the same."]
    before, after = shares_of(first), shares_of(second)
    lines = []
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            lines.append(f"only {first.name}: {name}, {_whole(name, before[name])}")
        elif name not in before:
            lines.append(f"only {second.name}: {name}, {_whole(name, after[name])}")
        else:
            changes = list(_changed(name, before[name], after[name]))
            if changes:
                lines.append(f"both: {name}, {'; '.join(changes)}")
    if not lines:
        lines.append("Each operation is used as often and as strongly; the order or groups differ.")
    shown = [line for line in ndiff(describe(first), describe(second)) if line[0] in "-+ "]
    return [*lines, "", *shown]
