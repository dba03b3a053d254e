"""A policy as a set of slots: crop, flips, jitter, grayscale and so on, each empty or at a level.

Two policies that differ in one slot show what it is worth; a policy is changed one slot at a time.
Policies of sub-policies have no slots.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from quarterturn.policy.portfolio import cutout, equalize, grayscale
from quarterturn.policy.recipes import crop, flip, jitter, rand_augment
from quarterturn.policy.schema import (
    Operation,
    Policy,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

#: Slot -> level; an empty slot is not named.
Slots = Mapping[str, str]
_JITTERED = ("brightness", "contrast", "saturation", "hue")


@dataclass(frozen=True)
class Slot:
    """A place of a policy that one kind of stage may take.

    Attributes:
        name: in words.
        operations: those that a stage here uses.
        levels: what may stand here, by level, in the order of what is tried.
    """

    name: str
    operations: tuple[str, ...]
    levels: Mapping[str, Callable[[], Stage]]


def _ranged(op: str, low: float, high: float, probability: float = 1.0) -> Callable[[], Stage]:
    document = {"op": op, "probability": probability, "strength": (low, high)}
    return lambda: Operation.model_validate(document)


def _rand_augment(count: int, magnitude: float) -> Callable[[], Stage]:
    return lambda: rand_augment(count, magnitude).views[0][-1]


#: In the order in which stages are applied.
SLOTS: tuple[Slot, ...] = (
    Slot(
        "crop",
        ("random_resized_crop",),
        {"0.2": crop, "0.5": lambda: crop(0.5), "0.08": lambda: crop(0.08)},
    ),
    Slot("equalize", ("equalize",), {"": equalize}),
    Slot(
        "auto contrast",
        ("auto_contrast",),
        {"": lambda: Operation(op="auto_contrast", probability=0.5)},
    ),
    Slot(
        "jitter",
        _JITTERED,
        {
            "0.4": lambda: jitter(0.4, 0.4, 0.4, 0.1),
            "0.8": lambda: jitter(0.8, 0.8, 0.8, 0.2),
            "0.2": lambda: jitter(0.2, 0.2, 0.2, 0.05),
        },
    ),
    Slot("grayscale", ("grayscale",), {"": grayscale}),
    Slot("solarize", ("solarize",), {"": _ranged("solarize", 0.5, 0.5, 0.2)}),
    Slot("posterize", ("posterize",), {"": _ranged("posterize", 0.0, 6.0)}),
    Slot("blur", ("gaussian_blur",), {"": _ranged("gaussian_blur", 0.1, 2.0, 0.5)}),
    Slot("noise", ("gaussian_noise",), {"": _ranged("gaussian_noise", 0.0, 0.2)}),
    Slot(
        "rotate",
        ("rotate",),
        {"30": _ranged("rotate", 0.0, 30.0), "180": _ranged("rotate", 0.0, 180.0)},
    ),
    Slot("cutout", ("cutout",), {"": cutout}),
    Slot("flip", ("horizontal_flip",), {"": flip}),
    Slot(
        "vertical flip",
        ("vertical_flip",),
        {"": lambda: Operation(op="vertical_flip", probability=0.5)},
    ),
    Slot(
        "random operations",
        tuple(
            sorted({leaf.op for leaf in rand_augment().views[0][-1].of})  # type: ignore[union-attr]
        ),
        {"1": _rand_augment(1, 9.0), "2": _rand_augment(2, 9.0)},
    ),
)
_BY_NAME = {slot.name: slot for slot in SLOTS}
_ORDER = {slot.name: place for place, slot in enumerate(SLOTS)}


def slot_of(stage: Stage) -> str | None:
    """The slot that a stage stands in; None for sub-policies and whatever else has none."""
    if isinstance(stage, Sample):
        return "random operations"
    if isinstance(stage, Shuffle):
        inner = {leaf.op for leaf in stage.of}
        return "jitter" if inner <= set(_JITTERED) else None
    if isinstance(stage, Operation | RandomResizedCrop):
        return next((slot.name for slot in SLOTS if slot.operations == (stage.op,)), None)
    return None


def _level(stage: Stage) -> str:
    """How strong a stage is, in words that are equal for equal stages."""
    if isinstance(stage, RandomResizedCrop):
        return f"{stage.scale[0]:g}"
    if isinstance(stage, Sample):
        fixed = any(leaf.low == leaf.high > 0 for leaf in stage.of if isinstance(leaf, Operation))
        return f"{stage.count}" if fixed else f"{stage.count} of any strength"
    if isinstance(stage, Shuffle):
        return f"{max(getattr(leaf, 'high', 0.0) for leaf in stage.of):g}"
    assert isinstance(stage, Operation)
    return f"{stage.high:g}" if stage.op == "rotate" else ""


def slots_of(policy: Policy) -> dict[str, str] | None:
    """Slot -> level of a policy whose views are alike; None where stages do not fit into slots."""
    if len(policy.views) > 1 and policy.views[0] != policy.views[1]:
        return None
    names = [slot_of(stage) for stage in policy.views[0]]
    if None in names or len(set(names)) < len(names):
        return None
    return {str(name): _level(stage) for name, stage in zip(names, policy.views[0], strict=True)}


def name_slots(slots: Slots) -> str:
    """A short name: "crop 0.2 + jitter 0.4 + grayscale + flip"; "none" for no slot."""
    named = sorted(slots, key=lambda name: _ORDER[name])
    return " + ".join(f"{name} {slots[name]}".strip() for name in named) or "none"


@dataclass(frozen=True)
class Change:
    """One slot put to a level, or emptied where `level` is None."""

    slot: str
    level: str | None

    def __str__(self) -> str:
        return f"no {self.slot}" if self.level is None else f"{self.slot} {self.level}".strip()


def _with_stage(stages: list[Stage], name: str, stage: Stage | None) -> list[Stage]:
    """The stages with one slot replaced, filled or emptied."""
    kept = [other for other in stages if slot_of(other) != name]
    if stage is None:
        return kept
    place = next(
        (i for i, other in enumerate(kept) if _ORDER[slot_of(other) or ""] > _ORDER[name]),
        len(kept),
    )
    return [*kept[:place], stage, *kept[place:]]


def apply_change(policy: Policy, change: Change) -> Policy:
    """The policy with one slot changed, under a name made of its slots.

    Raises:
        ValueError: the policy has no slots, or there is no such level.
    """
    slots = slots_of(policy)
    if slots is None:
        raise ValueError(f"{policy.name} has stages without a slot")
    stage = None
    if change.level is not None:
        make = _BY_NAME[change.slot].levels.get(change.level)
        if make is None:
            raise ValueError(f"{change.slot} has no level {change.level!r}")
        stage = make()
        slots[change.slot] = change.level
    else:
        slots.pop(change.slot, None)
    stages = _with_stage(list(policy.views[0]), change.slot, stage)
    return Policy(name=name_slots(slots), views=[stages])


def list_changes(policy: Policy, excluded: Collection[str] = ()) -> list[Change]:
    """All changes of one slot, but those to stages of nothing but excluded operations; none of a
    policy without slots.
    """
    slots = slots_of(policy)
    if slots is None:
        return []
    found: list[Change] = []
    for slot in SLOTS:
        here = slots.get(slot.name)
        if set(slot.operations) - set(excluded):
            found += [Change(slot.name, level) for level in slot.levels if level != here]
        if here is not None:
            found.append(Change(slot.name, None))
    return found
