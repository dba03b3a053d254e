"""What each image of a batch gets: a policy and its draws, turned into a list of steps.

In a step every image has at most one operation. Programs live on the CPU: they are small, and
executors for any device must know them without asking it. Geometric operations that follow one
another are composed here into one resampling per image, which is due before the image's next
operation on values, before a geometric one with another fill colour, and at the end: content that
one moves out of the frame and the next moves back is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quarterturn.augment import maps
from quarterturn.augment.draws import Numbers
from quarterturn.augment.maps import Floats
from quarterturn.augment.tables import CODES, CROP, LeafTable

Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: Those that leave nothing uncovered, and thus keep the fill that is pending.
_COVERING = frozenset({CROP, "horizontal_flip", "vertical_flip"})
_FLIPS = ("horizontal_flip", "vertical_flip")
_ONE, _MINUS = np.float32(1), np.float32(-1)


@dataclass(frozen=True)
class Step:
    """One operation at most for each of n images.

    Attributes:
        names: what may occur.
        op: int64 (n,), codes of `quarterturn.augment.tables`; 0 is nothing.
        strength: float32 (n,), signed.
        maps: float32 (n, 2, 3), of resamplings; see `quarterturn.augment.maps`.
        fill: float32 (n, 3) in [0, 1].
        centre: float32 (n, 2) in [0, 1), of cutouts.
        noise: what the label of the noise stream begins with.
    """

    names: tuple[str, ...]
    op: Codes
    strength: Floats
    maps: Floats
    fill: Floats
    centre: Floats
    noise: str


class Program:
    """The steps of n images of one size, under construction until `finish`."""

    def __init__(self, count: int, height: int, width: int, draws: Numbers) -> None:
        self.count, self.height, self.width, self.draws = count, height, width, draws
        self.steps: list[Step] = []
        self._identity = maps.identity(count)
        self._zeros = np.zeros((count, 3), np.float32)
        self._maps = self._identity
        # Negative where nothing pending uncovers pixels.
        self._fill = self._zeros + _MINUS
        self._pending = np.zeros(count, np.bool_)
        self._settled = True  # nothing is pending

    def slot(self, table: LeafTable, choice: Codes, active: Mask | None, label: str) -> None:
        """Give image i the leaf `choice[i]`, if active and its own probability holds."""
        drawn = self.draws.uniform(label, self.count, 4)
        rows = table.parameters.take(choice, 0)
        on = drawn[:, 0] < rows[:, 0]
        if active is not None:
            on &= active
        op = np.where(on, table.op.take(choice), 0)
        strength = _strength(table, rows, drawn)
        moving = self._slot_moves(table, op, strength, rows, drawn, label)
        if table.others:
            op = op if moving is None else np.where(moving, 0, op)
            self._flush(op > 0)
            self.steps.append(
                Step(table.others, op, strength, self._identity, rows[:, 4:7], drawn[:, 2:4], label)
            )

    def _slot_moves(
        self, table: LeafTable, op: Codes, strength: Floats, rows: Floats, drawn: Floats, label: str
    ) -> Mask | None:
        """Compose the geometric operations of a slot, of which an image has one at most, onto its
        map; which images have one, None where there are none in the table.
        """
        if not table.geometric:
            return None
        moves = self._identity.copy()
        moving, covering = np.zeros((2, self.count), np.bool_)
        for name in table.geometric:
            mine = op == CODES[name]
            moving |= mine
            if name in _COVERING:
                covering |= mine
            if name == CROP:
                numbers = self.draws.uniform(f"{label}:{CROP}:crop", self.count, 22)[mine]
                scale, ratio = rows[mine, 7:9], rows[mine, 9:11]
                moves[mine] = maps.crop_maps(numbers, scale, ratio, self.height, self.width)
                continue
            if name == "rotate90":
                strength = np.where(mine, 90 * (_ONE + np.floor(drawn[:, 1] * 3)), strength)
            moves[mine] = maps.affine_of(name, strength[mine], self.height, self.width)
        self._move(moving, moves, rows[:, 4:7], moving & ~covering)
        return moving

    def _move(self, mine: Mask, moves: Floats, fill: Floats, uncovering: Mask) -> None:
        """Compose maps onto the images of the mask; some of them uncover what takes the fill."""
        if uncovering.any():
            # One resampling has one fill: what another colour belongs to comes first.
            other = (self._fill != fill).any(1) & (self._fill[:, 0] >= 0)
            self._flush(uncovering & other)
            self._fill = np.where(uncovering[:, None], fill, self._fill)
        first = self._maps is self._identity
        composed = moves if first else maps.compose(self._maps, moves)
        self._maps = np.where(mine[:, None, None], composed, self._maps)
        self._pending = self._pending | mine
        self._settled = False

    def _flush(self, due: Mask) -> None:
        """Emit the resamplings that are pending, of the images of the mask."""
        if self._settled:
            return
        due = due & self._pending
        if not due.any():
            return
        op = np.where(due, CODES["resample"], 0)
        for axis, name in enumerate(_FLIPS):
            # A flip by itself moves no pixel to a fraction of one.
            if (self._maps[:, axis, axis] == _MINUS).any():
                flip = maps.affine_of(name, self._zeros[:1, 0], self.height, self.width)
                op[due & (self._maps == flip).all((1, 2))] = CODES[name]
        fill = np.maximum(self._fill, 0)
        self.steps.append(
            Step(
                ("resample", *_FLIPS),
                op,
                self._zeros[:, 0],
                self._maps,
                fill,
                self._zeros[:, :2],
                "",
            )
        )
        self._pending = self._pending & ~due
        self._settled = not self._pending.any()
        if self._settled:
            self._maps = self._identity
            self._fill = self._zeros + _MINUS
            return
        self._maps = np.where(due[:, None, None], self._identity, self._maps)
        self._fill = np.where(due[:, None], _MINUS, self._fill)

    def finish(self) -> list[Step]:
        """All steps."""
        self._flush(self._pending)
        return self.steps


def _strength(table: LeafTable, rows: Floats, drawn: Floats) -> Floats:
    """(n,), signed."""
    low, high = rows[:, 1], rows[:, 2]
    strength = low + drawn[:, 1] * (high - low)
    if table.has_whole:
        # The whole numbers of the range, evenly.
        whole = np.minimum(np.floor(low + drawn[:, 1] * (high - low + _ONE)), high)
        strength = np.where(rows[:, 11] > 0, whole, strength)
    sign = rows[:, 3]
    if table.has_coin:
        coin = np.where(drawn[:, 2] < 0.5, _MINUS, _ONE)
        sign = np.where(sign == 0, coin, sign)
    return strength * sign
