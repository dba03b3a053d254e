"""Whether a ranking says anything. "No evidence" is a result; a confident wrong answer is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from quarterturn.search.effects import fit
from quarterturn.search.ranking import Ranked, top_group

Level = Literal["none", "weak", "clear"]

#: Rotation accuracy of guessing, and how far above it the best must come to say anything.
CHANCE = 0.25
#: Of a choice that was measured with one seed alone, whatever ranked.
SINGLE_SEED = (
    "single_seed",
    "Only one seed: ± covers the test images, not the randomness of training.",
)
_ABOVE_CHANCE = 0.02
_SIGNIFICANT = 0.05
#: The baseline that any contrastive pretraining should learn something from.
_PLAIN = "crop_flip"


@dataclass(frozen=True)
class Evidence:
    """How far the ranking can be trusted.

    Attributes:
        level: `none` (the images say nothing), `weak` (the first cannot be told from a baseline or
            another candidate, or was measured once), `clear`.
        reasons: stable codes with a message each.
        p_value: of the hypothesis that all candidates measured like the first are equal.
        separation: variance between these candidates over the variance of the noise between seeds;
            0 where no difference shows, None with one seed.
        warm_start: whether they started from anything but random weights.
    """

    level: Level
    reasons: tuple[tuple[str, str], ...]
    p_value: float | None
    separation: float | None = None
    warm_start: bool = False

    def to_dict(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "reasons": [{"code": code, "message": message} for code, message in self.reasons],
            "p_value": self.p_value,
            "separation": self.separation,
            "warm_start": self.warm_start,
        }


def _scores(group: list[Ranked]) -> dict[str, dict[int, float]]:
    return {e.candidate: dict(zip(e.seed_numbers, e.scores, strict=True)) for e in group}


def _all_equal(group: list[Ranked]) -> tuple[bool, float | None]:
    """Whether the group cannot be told apart as a whole, and the p-value where there is one."""
    p_value = fit(_scores(group)).separates()
    if p_value is not None:
        return p_value > _SIGNIFICANT, p_value
    return all(e.ties >= len(group) - 1 for e in group), None


def exceeds(score: float, sampling_error: float, level: float) -> bool:
    """Whether an accuracy lies above a level by more than two sampling errors."""
    return bool(score - 2 * sampling_error > level)


def _guessed(best: Ranked) -> list[tuple[str, str]]:
    """Whether the best tells rotations by chance, or no better than without any training."""
    if not exceeds(best.score, best.sampling_error, CHANCE + _ABOVE_CHANCE):
        return [
            (
                "rotation_at_chance",
                "Rotation cannot be told on these images: the best score is at chance.",
            )
        ]
    if best.untrained is None or exceeds(best.score, best.sampling_error, best.untrained):
        return []
    return [
        (
            "rotation_not_learnt",
            "No candidate lets rotation be told better than an encoder without any training "
            f"({100 * best.untrained:.1f} %).",
        )
    ]


def _nothing(ranking: list[Ranked], criterion: str) -> tuple[list[tuple[str, str]], float | None]:
    """Reasons why the ranking says nothing."""
    best, group = ranking[0], top_group(ranking)
    found: list[tuple[str, str]] = []
    if best.collapsed:
        return [("collapsed", "Every candidate collapsed.")], None
    if criterion == "rotation":
        found += _guessed(best)
    equal, p_value = _all_equal(group) if len(group) > 1 else (False, None)
    if equal:
        found.append(("all_tied", "No evidence: all candidates at full length are tied."))
    return found, p_value


def _erased(group: list[Ranked]) -> list[tuple[str, str]]:
    """Whether plain pretraining does not make rotation easier to tell, so that what the probe
    measures is what survives pretraining rather than what it teaches.
    """
    plain = next((e for e in group if e.origin == "baseline" and e.name == _PLAIN), None)
    if plain is None or plain.untrained is None:
        return []
    if exceeds(plain.score, plain.sampling_error, plain.untrained):
        return []
    return [
        (
            "rotation_erased",
            f"Pretraining with {_PLAIN} does not make rotation easier to tell than no training "
            f"({100 * plain.score:.1f} against {100 * plain.untrained:.1f} %). Rotation then "
            "rewards what survives pretraining. Measured against labels, its ranking was still "
            "right on photographs, and the wrong way round on sprites and clip art. Compare with "
            "the criterion retrieval, or pretrain longer.",
        )
    ]


def _doubts(ranking: list[Ranked], criterion: str) -> list[tuple[str, str]]:
    """Reasons why the first place is not certain."""
    best = ranking[0]
    peers = {entry.candidate: entry for entry in ranking}
    tied = [peers[key] for key in best.tied_with]
    rivals = [entry.name for entry in tied if entry.origin == "baseline"]
    found: list[tuple[str, str]] = []
    if best.origin != "baseline" and rivals:
        found.append(("tied_with_baseline", f"Not distinguishable from {', '.join(rivals)}."))
    elif tied:
        shown = ", ".join(entry.name for entry in tied[:5]) + (" ..." if len(tied) > 5 else "")
        found.append(("tied_with_others", f"Not distinguishable from {shown}."))
    if criterion == "rotation":
        found += _erased(top_group(ranking))
    if best.seeds < 2:
        found.append(SINGLE_SEED)
    return found


def _separation(ranking: list[Ranked]) -> float | None:
    """Variance between the candidates measured like the first, over that of the noise."""
    group = top_group(ranking)
    if len(group) < 2:
        return None
    return fit(_scores(group)).variance_ratio()


def _blurred(separation: float | None, p_value: float | None) -> list[tuple[str, str]]:
    """Whether candidates that share a warm start cannot be told apart as a whole."""
    if separation is None or p_value is None or p_value <= _SIGNIFICANT:
        return []
    return [
        (
            "warm_start_unseparated",
            "After the warm start the candidates are not told apart: they differ by "
            f"{separation:.2g} times the noise between seeds, in variance. A warm start makes "
            "pretraining less sensitive to the policy; more iterations, more seeds or a start "
            "from scratch may tell them apart.",
        )
    ]


def assess(
    ranking: list[Ranked], criterion: str = "rotation", *, warm_start: bool = False
) -> Evidence:
    """The evidence in a ranking that is not empty."""
    nothing, p_value = _nothing(ranking, criterion)
    separation = None if ranking[0].collapsed else _separation(ranking)
    doubts = _doubts(ranking, criterion)
    if warm_start:
        doubts += _blurred(separation, p_value)
    level: Level = "none" if nothing else "weak" if doubts else "clear"
    return Evidence(level, (*nothing, *doubts), p_value, separation, warm_start)
