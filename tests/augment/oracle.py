"""What the sampler should give: one image after the other, in plain numpy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quarterturn.augment import RandomStreams
from quarterturn.policy.operations import OPERATIONS
from quarterturn.policy.schema import (
    OneOf,
    Operation,
    RandomResizedCrop,
    Sample,
    Shuffle,
    Stage,
)

Floats = NDArray[np.float32]
CROP = "random_resized_crop"
_f = np.float32
_FLIPS = {"horizontal_flip": (-1, 0, 1, 0, 1, 0), "vertical_flip": (1, 0, 0, 0, -1, 1)}
_COVERING = (CROP, *_FLIPS)


@dataclass
class OpStep:
    """One step of one image, with what its operation reads."""

    name: str
    strength: float = 0.0
    map: Floats | None = None
    fill: Floats | None = None
    uniform: Floats | None = None
    noise: str = ""


@dataclass
class _Pending:
    """The map that an image has not been resampled by."""

    map: Floats
    fill: Floats | None = None


def crop_map(draws: Floats, leaf: RandomResizedCrop, height: int, width: int) -> Floats:
    """torchvision's rule: ten tries, then a central crop. `draws` are 22 in [0, 1): ten areas, ten
    aspects, two positions.
    """
    (low, high), (narrow, wide) = np.float32(leaf.scale), np.float32(leaf.ratio)
    logs = np.log(narrow), np.log(wide)
    x, y = draws[20], draws[21]
    for u, v in zip(draws[:10], draws[10:20], strict=True):
        area = (low + u * (high - low)) * _f(height * width)
        aspect = np.exp(logs[0] + v * (logs[1] - logs[0]))
        across, down = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if across <= width and down <= height:
            break
    else:
        aspect = min(max(_f(width / height), narrow), wide)
        across, down = min(height * aspect, _f(width)), min(width / aspect, _f(height))
        x = y = _f(0.5)
    row = (across / width, 0, x * (width - across))
    return np.array([row, (0, down / height, y * (height - down))], np.float32)


def affine_map(name: str, strength: float, height: int, width: int) -> Floats:
    """From output to input coordinates in pixels."""
    s = strength
    if name in ("rotate", "rotate90"):  # counter-clockwise by degrees, y pointing down
        cosine, sine = math.cos(math.radians(s)), math.sin(math.radians(s))
        x, y = width / 2, height / 2
        rows = (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)
    elif name in _FLIPS:
        rows = _FLIPS[name]
        rows = (*rows[:2], rows[2] * width, *rows[3:5], rows[5] * height)
    else:
        rows = {
            "shear_x": (1, s, 0, 0, 1, 0),
            "shear_y": (1, 0, 0, s, 1, 0),
            "translate_x": (1, 0, s * width, 0, 1, 0),
            "translate_y": (1, 0, 0, 0, 1, s * height),
        }[name]
    return np.array(rows, np.float32).reshape(2, 3)


def _compose(first: Floats, then: Floats) -> Floats:
    result: Floats = first[:, :2] @ then
    result[:, 2] += first[:, 2]
    return result


@dataclass
class _Image:
    number: int
    height: int
    width: int
    steps: list[OpStep] = field(default_factory=list)
    pending: _Pending | None = None

    def flush(self) -> None:
        if self.pending is None:
            return
        for name in _FLIPS:
            if np.array_equal(self.pending.map, affine_map(name, 0, self.height, self.width)):
                self.steps.append(OpStep(name))
                break
        else:
            fill = np.zeros(3, np.float32) if self.pending.fill is None else self.pending.fill
            self.steps.append(OpStep("resample", map=self.pending.map, fill=fill))
        self.pending = None

    def _move(self, name: str, map: Floats, fill: Floats) -> None:
        covering = name in _COVERING
        before = None if self.pending is None else self.pending.fill
        if not covering and before is not None and not np.array_equal(before, fill):
            self.flush()
        if self.pending is None:
            self.pending = _Pending(map)
        else:
            self.pending.map = _compose(self.pending.map, map)
        if not covering:
            self.pending.fill = fill

    def add(self, leaf: Operation | RandomResizedCrop, streams: RandomStreams, label: str, n: int):
        draws = streams.uniform(label, n, 4)[self.number]
        if not draws[0] < _f(leaf.probability):
            return
        if isinstance(leaf, RandomResizedCrop):
            own = streams.uniform(f"{label}:{CROP}:crop", n, 22)[self.number]
            map = crop_map(own, leaf, self.height, self.width)
            self._move(CROP, map, np.zeros(3, np.float32))
            return
        info, fill = OPERATIONS[leaf.op], np.float32(leaf.fill_color) / 255
        low, high = _f(leaf.low), _f(leaf.high)
        strength = low + draws[1] * (high - low)
        if info.integer:
            strength = min(np.floor(low + draws[1] * (high - low + _f(1))), high)
        if info.signed:
            random = _f(-1) if draws[2] < 0.5 else _f(1)
            strength = strength * {"positive": 1, "negative": -1}.get(leaf.sign or "", random)
        if leaf.op == "rotate90":
            strength = 90 * (1 + np.floor(draws[1] * _f(3)))
        if info.geometric:
            map = affine_map(leaf.op, float(strength), self.height, self.width)
            self._move(leaf.op, map, fill)
            return
        self.flush()
        self.steps.append(OpStep(leaf.op, float(strength), None, fill, draws[2:4], label))


def _leaves(
    stage: Stage, streams: RandomStreams, label: str, number: int, n: int
) -> Iterator[tuple[Any, str]]:
    """The operations of an image in their order, with the labels of their streams."""
    if isinstance(stage, Operation | RandomResizedCrop):
        yield stage, label
        return
    if stage.probability < 1 and not streams.uniform(f"{label}:gate", n)[number] < (
        stage.probability
    ):
        return
    if isinstance(stage, OneOf):
        weights = np.array([branch.weight for branch in stage.branches])
        edges = np.cumsum(weights / weights.sum())
        drawn = streams.uniform(f"{label}:branch", n)[number]
        branch = min(int((edges <= drawn).sum()), len(edges) - 1)
        leaves = stage.branches[branch].stages
    elif isinstance(stage, Sample) and stage.replace:
        numbers = streams.uniform(f"{label}:choice", n, stage.count)[number]
        leaves = [stage.of[int(one * len(stage.of))] for one in numbers]
    else:
        order = streams.uniform(f"{label}:order", n, len(stage.of))[number].argsort()
        count = len(order) if isinstance(stage, Shuffle) else stage.count
        leaves = [stage.of[place] for place in order[:count]]
    for place, leaf in enumerate(leaves):
        yield leaf, f"{label}:{place}"


def sample_steps(
    stages: Sequence[Stage], streams: RandomStreams, n: int, height: int, width: int, view: int = 0
) -> list[list[OpStep]]:
    """The steps of each of n images."""
    images = [_Image(number, height, width) for number in range(n)]
    for image in images:
        seen: dict[str, int] = {}
        for stage in stages:
            seen[stage.op] = seen.get(stage.op, 0) + 1
            label = f"{view}/{stage.op}/{seen[stage.op]}"
            for leaf, own in _leaves(stage, streams, label, image.number, n):
                image.add(leaf, streams, own, n)
        image.flush()
    return [image.steps for image in images]
