"""What a level of evidence says in a sentence, the same on pages, cards and terminals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quarterturn.pretrain.spec import AUTO

_OF_AUTO = {
    "none": "Nothing that was tried is likely to beat what is used today, which stays.",
    "weak": "Probably at least as good as what is used today.",
    "clear": "At least as good as what is used today, with a probability of 0.9 or more.",
}
_KEPT = {
    "weak": "Probably nothing that was tried beats what is used today.",
    "clear": "Nothing that was tried beats what is used today.",
}
_OF_SCORES = {
    "none": "The scores do not tell the policies apart. The order may be chance.",
    "weak": "The first place is not certain.",
    "clear": "The first is better than every other policy that was trained as long, beyond the "
    "noise between seeds.",
}


def headline(criterion: str, evidence: Mapping[str, Any], *, live: bool = False) -> str:
    """The sentence for a level.

    Args:
        evidence: as `Evidence.to_dict` gives it.
        live: whether trials are still to come.
    """
    level, codes = evidence["level"], {reason["code"] for reason in evidence["reasons"]}
    if live and "few_candidates" in codes:
        return "Too early to say."
    if criterion != AUTO:
        return _OF_SCORES[level]
    if "collapsed" in codes:
        return "Every policy that was tried collapsed."
    return _KEPT[level] if "incumbent_kept" in codes and level in _KEPT else _OF_AUTO[level]
