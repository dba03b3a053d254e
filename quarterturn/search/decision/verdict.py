"""Evidence of a search that `auto` decided: what P(at least as good as the incumbent) says."""

from __future__ import annotations

from quarterturn.search.evidence import SINGLE_SEED, Evidence, Level
from quarterturn.search.ranking import Ranked

#: P from which a choice counts as clear, and below which the incumbent stays.
CLEAR, LEAST = 0.9, 0.6
#: Policies of the search that must have been measured before anything is said of the images.
MIN_TRIED = 5


def _percent(probability: float) -> str:
    return f"{100 * min(0.99, max(0.01, probability)):.0f} %"


def _kept(ranking: list[Ranked], name: str) -> tuple[Level, tuple[str, str]]:
    """The incumbent leads, or nothing is likely enough to beat it."""
    rivals = [entry for entry in ranking if not entry.collapsed and entry.name != name]
    best = max((entry.probability or 0.0 for entry in rivals), default=0.0)
    level: Level = "clear" if best <= 1.0 - CLEAR else "weak"
    return level, (
        "incumbent_kept",
        f"Nothing that was tried is likely to beat {name}: the best of {len(rivals)} other "
        f"policies is at least as good with a probability of {_percent(best)}.",
    )


def assess_decision(ranking: list[Ranked], incumbent: str) -> Evidence:
    """The evidence in a ranking by expected gain, which is not empty.

    Args:
        incumbent: key of the candidate that all were compared with.
    """
    best = ranking[0]
    name = next((e.name for e in ranking if e.candidate == incumbent), "the incumbent")
    tried = sum(not e.collapsed and e.candidate != incumbent for e in ranking)
    reasons: list[tuple[str, str]] = []
    level: Level
    if best.collapsed:
        return Evidence("none", (("collapsed", "Every candidate collapsed."),), None)
    probability = best.probability or 0.0
    if best.candidate == incumbent:
        level, reason = _kept(ranking, name)
        reasons.append(reason)
    elif probability < LEAST:
        level = "none"
        reasons.append(
            (
                "no_likely_gain",
                f"{best.name} leads, but is at least as good as {name} only with a probability of "
                f"{_percent(probability)}.",
            )
        )
    elif probability < CLEAR:
        level = "weak"
        reasons.append(
            (
                "probably_better",
                f"At least as good as {name} with a probability of {_percent(probability)}.",
            )
        )
    else:
        level = "clear"
    if tried < MIN_TRIED:
        level = "none" if tried == 0 else "weak" if level == "clear" else level
        reasons.append(
            (
                "few_candidates",
                f"Only {tried} other policies were measured; this says little about the images.",
            )
        )
    if "reference" not in best.criteria:
        reasons.append(
            (
                "no_reference",
                "Decided by rotation alone. With a reference encoder the choice is better on most "
                "kinds of images; see docs/searches.md.",
            )
        )
    if best.seeds < 2 and best.reported is None:
        reasons.append(SINGLE_SEED)
    return Evidence(level, tuple(reasons), None)
