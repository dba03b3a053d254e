"""The sampler's loops over images, compiled by numba; see `quarterturn.augment.plan`.

What is sampled must not depend on the machine, so nothing is rearranged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quarterturn.augment import layout
from quarterturn.augment.kernels.compile import entry_point, exact_kernel, source_digest
from quarterturn.augment.kernels.dispatch import dispatcher
from quarterturn.augment.ops.registry import CODES, OPERATIONS, RESAMPLE_CODE

_f = np.float32
_RESAMPLE, _HFLIP, _VFLIP = RESAMPLE_CODE, CODES["horizontal_flip"], CODES["vertical_flip"]

#: Operations with an affine map that plans may have, when this module was first imported.
AFFINE = {name: one for name, one in OPERATIONS.items() if one.affine is not None}
_MAPS = {CODES[name]: one.affine for name, one in AFFINE.items() if one.affine}
#: (code, strength, draws, crop_draws, leaf, height, width, map): writes the map of an operation;
#: 1 if it moves nothing from outside into the frame.
_write_map = exact_kernel(
    dispatcher(
        "write_map",
        "strength, draws, crop_draws, leaf, height, width, map",
        _MAPS,
        [CODES[name] for name, one in AFFINE.items() if one.covers],
    )
)


@exact_kernel
def _flush(i, rows, lengths, state, pending, height, width):
    """Write the resampling that is pending of image i, if there is one."""
    if not pending[i]:
        return
    pending[i] = False
    row, mine = rows[i, lengths[i]], state[i]
    lengths[i] += 1
    code = _RESAMPLE
    if mine[1] == 0 and mine[3] == 0:
        # A flip by itself moves no pixel to a fraction of one.
        if mine[0] == -1 and mine[2] == width and mine[4] == 1 and mine[5] == 0:
            code = _HFLIP
        elif mine[0] == 1 and mine[2] == 0 and mine[4] == -1 and mine[5] == height:
            code = _VFLIP
    row[layout.OP], row[layout.STRENGTH], row[layout.NOISE] = _f(code), _f(0), _f(0)
    for k in range(6):
        row[layout.MAP + k] = mine[layout.STATE_MAP + k]
    for k in range(3):
        row[layout.FILL + k] = max(mine[layout.STATE_FILL + k], _f(0))


@exact_kernel
def _strength(leaf, draws):
    """Signed; of whole numbers evenly those of the range."""
    low, high, sign = leaf[layout.LOW], leaf[layout.HIGH], leaf[layout.SIGN]
    strength = low + draws[layout.DRAW_STRENGTH] * (high - low)
    if leaf[layout.WHOLE] > 0:
        strength = min(np.floor(low + draws[layout.DRAW_STRENGTH] * (high - low + _f(1))), high)
    if sign == 0:
        sign = _f(-1) if draws[layout.DRAW_SIGN] < _f(0.5) else _f(1)
    return strength * sign


@exact_kernel
def _compose(
    i, code, strength, draws, crop_draws, leaf, rows, lengths, state, pending, height, width, room
):
    """Compose an affine operation onto the map of image i."""
    mine, map, composed = state[i], room[0], room[1]
    map[0], map[1], map[2], map[3], map[4], map[5] = _f(1), _f(0), _f(0), _f(0), _f(1), _f(0)
    covers = _write_map(code, strength, draws, crop_draws, leaf, height, width, map)
    same = (
        mine[layout.STATE_FILL] == leaf[layout.LEAF_FILL]
        and mine[layout.STATE_FILL + 1] == leaf[layout.LEAF_FILL + 1]
        and mine[layout.STATE_FILL + 2] == leaf[layout.LEAF_FILL + 2]
    )
    if not covers and pending[i] and mine[layout.STATE_FILL] >= 0 and not same:
        # One resampling has one fill: what another color belongs to comes first.
        _flush(i, rows, lengths, state, pending, height, width)
    if not pending[i]:
        for k in range(6):
            mine[k] = map[k]
        for k in range(3):
            mine[layout.STATE_FILL + k] = _f(-1)
    else:
        a, b, d, e = mine[0], mine[1], mine[3], mine[4]
        for k in range(3):
            composed[k] = a * map[k] + b * map[3 + k]
            composed[3 + k] = d * map[k] + e * map[3 + k]
        composed[2] += mine[2]
        composed[5] += mine[5]
        for k in range(6):
            mine[k] = composed[k]
    if not covers:
        for k in range(3):
            mine[layout.STATE_FILL + k] = leaf[layout.LEAF_FILL + k]
    pending[i] = True


def _build(digest: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`add_step` and `finish`, kept on disk as long as the digest of all source is this."""

    def add_step(
        draws,
        choice,
        active,
        gated,
        op,
        leaves,
        is_affine,
        crop_draws,
        noise,
        height,
        width,
        rows,
        lengths,
        state,
        pending,
    ):
        """Give image i the leaf `choice[i]`, if active (where gated) and its own probability holds.

        Args:
            draws: float32 (n, DRAWS); crop_draws: (n, CROP_DRAWS), or (1, CROP_DRAWS) without a
                crop in the table.
            op, leaves, is_affine: of a `LeafTable`.
            noise: index of the noise of this step; 0 where none is read.
            rows: float32 (n, s, ROW), with room for two more steps; lengths: int64 (n,).
            state: float32 (n, STATE), map and fill that are pending; pending: bool (n,).
        """
        _ = digest
        room = np.empty((2, 6), _f)
        for i in range(draws.shape[0]):
            which = choice[i]
            leaf = leaves[which]
            if (gated and not active[i]) or not (
                draws[i, layout.DRAW_PROBABILITY] < leaf[layout.PROBABILITY]
            ):
                continue
            code, strength = op[which], _strength(leaf, draws[i])
            if is_affine[which]:
                _compose(
                    i,
                    code,
                    strength,
                    draws[i],
                    crop_draws[i % crop_draws.shape[0]],
                    leaf,
                    rows,
                    lengths,
                    state,
                    pending,
                    height,
                    width,
                    room,
                )
                continue
            _flush(i, rows, lengths, state, pending, height, width)
            row = rows[i, lengths[i]]
            lengths[i] += 1
            row[layout.OP], row[layout.STRENGTH], row[layout.NOISE] = _f(code), strength, _f(noise)
            for k in range(2):
                row[layout.UNIFORM + k] = draws[i, layout.DRAW_UNIFORM + k]
            for k in range(3):
                row[layout.FILL + k] = leaf[layout.LEAF_FILL + k]

    def finish(rows, lengths, state, pending, height, width):
        """Write what is pending; rows behind the last ones do nothing."""
        _ = digest
        for i in range(rows.shape[0]):
            _flush(i, rows, lengths, state, pending, height, width)
            for s in range(lengths[i], rows.shape[1]):
                rows[i, s, layout.OP] = _f(0)

    return entry_point(add_step, exact=True), entry_point(finish, exact=True)


add_step, finish = _build(source_digest(_MAPS))
