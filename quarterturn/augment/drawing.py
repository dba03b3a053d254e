"""Draws programs as kernels take them: compiled where numba is installed, else by numpy."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quarterturn.augment.draws import Numbers
from quarterturn.augment.numba_support import has_numba
from quarterturn.augment.program import Codes, Mask
from quarterturn.augment.sampling import draw_program, fill
from quarterturn.augment.table import ROW, NoisePart, Table, parts_of, table_of
from quarterturn.augment.tables import CROP, LeafTable
from quarterturn.policy.schema import Stage

#: Steps that there is room for at first.
_ROOM = 16
_NO_MASK = np.zeros(1, np.bool_)
_NO_CROPS = np.zeros((1, 22), np.float32)
_NO_CROPS.flags.writeable = False  # as those that are drawn: one kernel for both


class _Kept(threading.local):
    """Room for rows, of each thread: fresh memory costs more than to fill it."""

    rows = np.empty((0, 0, ROW), np.float32)

    def room(self, count: int, steps: int) -> NDArray[np.float32]:
        if self.rows.shape[0] != count or self.rows.shape[1] < steps:
            self.rows = np.empty((count, steps, ROW), np.float32)
        return self.rows


_kept = _Kept()


class _Compiled:
    """As `quarterturn.augment.program.Program`."""

    def __init__(self, count: int, height: int, width: int, draws: Numbers) -> None:
        self.count, self.height, self.width, self.draws = count, height, width, draws
        self._rows = _kept.room(count, _ROOM)
        self._lengths = np.zeros(count, np.int64)
        self._state = np.empty((count, 9), np.float32)
        self._pending = np.zeros(count, np.bool_)
        self._noise: list[tuple[NoisePart, ...]] = []

    def _make_room(self) -> None:
        """For two more steps of each image."""
        needed = int(self._lengths.max(initial=0)) + 2
        if needed > self._rows.shape[1]:
            before = self._rows
            self._rows = _kept.room(self.count, 2 * needed)
            self._rows[:, : before.shape[1]] = before

    def slot(self, table: LeafTable, choice: Codes, active: Mask | None, label: str) -> None:
        """Give image i the leaf `choice[i]`, if active and its own probability holds."""
        from quarterturn.augment.kernels.drawing import slot

        self._make_room()
        crops: NDArray[np.float32] = _NO_CROPS
        if CROP in table.geometric:
            crops = self.draws.uniform(f"{label}:{CROP}:crop", self.count, 22)
        slot(
            self.draws.uniform(label, self.count, 4),
            np.ascontiguousarray(choice),
            _NO_MASK if active is None else active,
            active is not None,
            table.op,
            table.parameters,
            table.is_geometric,
            crops,
            len(self._noise),
            self.height,
            self.width,
            self._rows,
            self._lengths,
            self._state,
            self._pending,
        )
        if "gaussian_noise" in table.others:
            self._noise.append(parts_of(self.draws, label, self.count))

    def finish(self) -> Table:
        """The whole program."""
        from quarterturn.augment.kernels.drawing import finish

        self._make_room()
        finish(self._rows, self._lengths, self._state, self._pending, self.height, self.width)
        longest = int(self._lengths.max(initial=0))
        return Table(self._rows[:, :longest].copy(), tuple(self._noise))


def draw_table(
    stages: Sequence[Stage], draws: Numbers, count: int, height: int, width: int, *, view: int = 0
) -> Table:
    """One view of `count` images."""
    if not has_numba():
        steps = draw_program(stages, draws, count, height, width, view=view)
        return table_of(steps, count, draws)
    program = _Compiled(count, height, width, draws)
    fill(program, stages, view)
    return program.finish()
