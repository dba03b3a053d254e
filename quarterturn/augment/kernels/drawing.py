"""Drawing programs; see `quarterturn.augment.program`, whose formulas these are, image by image.

What is decided must not depend on what draws it, so nothing is rearranged; angles and crops are
within the rounding of sines and logarithms of numpy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quarterturn.augment.kernels.compiling import exact, kept, sources
from quarterturn.augment.tables import CODES, CROP

_f = np.float32
_RESAMPLE, _MIRROR, _OVERTURN = (
    CODES[name] for name in ("resample", "horizontal_flip", "vertical_flip")
)
_CROP, _SHEAR_X, _SHEAR_Y, _TRANSLATE_X, _TRANSLATE_Y, _ROTATE90 = (
    CODES[name] for name in (CROP, "shear_x", "shear_y", "translate_x", "translate_y", "rotate90")
)
_TRIES = 10
_DEGREE = _f(np.pi / 180.0)


@exact
def _crop_map(numbers, low, high, narrow, wide, height, width, m):
    """torchvision's rule: ten tries, then a central crop; see `quarterturn.augment.maps`."""
    h, w = _f(height), _f(width)
    log_low, log_high = np.log(narrow), np.log(wide)
    crop_w, crop_h, x, y = _f(0.0), _f(0.0), numbers[2 * _TRIES], numbers[2 * _TRIES + 1]
    found = False
    for i in range(_TRIES):
        area = (low + numbers[i] * (high - low)) * (h * w)
        aspect = np.exp(log_low + numbers[_TRIES + i] * (log_high - log_low))
        crop_w, crop_h = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if crop_w <= w and crop_h <= h:
            found = True
            break
    if not found:
        bounded = min(max(w / h, narrow), wide)
        crop_w, crop_h = min(h * bounded, w), min(w / bounded, h)
        x, y = _f(0.5), _f(0.5)
    m[0], m[1], m[2] = crop_w / w, _f(0.0), x * (w - crop_w)
    m[3], m[4], m[5] = _f(0.0), crop_h / h, y * (h - crop_h)


@exact
def _affine(code, s, height, width, m):
    """See `quarterturn.augment.maps.affine_of`."""
    h, w = _f(height), _f(width)
    m[0], m[1], m[2], m[3], m[4], m[5] = _f(1), _f(0), _f(0), _f(0), _f(1), _f(0)
    if code == _SHEAR_X:
        m[1] = s
    elif code == _SHEAR_Y:
        m[3] = s
    elif code == _TRANSLATE_X:
        m[2] = s * w
    elif code == _TRANSLATE_Y:
        m[5] = s * h
    elif code == _MIRROR:
        m[0], m[2] = _f(-1), w
    elif code == _OVERTURN:
        m[4], m[5] = _f(-1), h
    else:
        angle = s * _DEGREE
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y = w / _f(2), h / _f(2)
        m[0], m[1], m[2] = cosine, -sine, x - cosine * x + sine * y
        m[3], m[4], m[5] = sine, cosine, y - sine * x - cosine * y


@exact
def _flush(i, rows, lengths, state, pending, height, width):
    """The resampling that is pending of image i, if there is one."""
    if not pending[i]:
        return
    pending[i] = False
    row, mine = rows[i, lengths[i]], state[i]
    lengths[i] += 1
    code = _RESAMPLE
    if mine[1] == 0 and mine[3] == 0:
        # A flip by itself moves no pixel to a fraction of one.
        if mine[0] == -1 and mine[2] == width and mine[4] == 1 and mine[5] == 0:
            code = _MIRROR
        elif mine[0] == 1 and mine[2] == 0 and mine[4] == -1 and mine[5] == height:
            code = _OVERTURN
    row[0], row[1] = _f(code), _f(0)
    for k in range(6):
        row[2 + k] = mine[k]
    for k in range(6, 9):
        row[2 + k] = max(mine[k], _f(0))


@exact
def _strength(row, drawn):
    """Signed; of whole numbers evenly those of the range."""
    low, high, sign = row[1], row[2], row[3]
    strength = low + drawn[1] * (high - low)
    if row[11] > 0:
        strength = min(np.floor(low + drawn[1] * (high - low + _f(1))), high)
    if sign == 0:
        sign = _f(-1) if drawn[2] < _f(0.5) else _f(1)
    return strength * sign


@exact
def _move(i, code, strength, numbers, leaf, rows, lengths, state, pending, height, width, room):
    """Compose a geometric operation onto the map of image i."""
    mine, moves, composed = state[i], room[0], room[1]
    if code == _CROP:
        _crop_map(numbers, leaf[7], leaf[8], leaf[9], leaf[10], height, width, moves)
    else:
        _affine(code, strength, height, width, moves)
    covering = code in (_CROP, _MIRROR, _OVERTURN)
    same = mine[6] == leaf[4] and mine[7] == leaf[5] and mine[8] == leaf[6]
    if not covering and pending[i] and mine[6] >= 0 and not same:
        # One resampling has one fill: what another colour belongs to comes first.
        _flush(i, rows, lengths, state, pending, height, width)
    if not pending[i]:
        for k in range(6):
            mine[k] = moves[k]
        for k in range(6, 9):
            mine[k] = _f(-1)
    else:
        a, b, d, e = mine[0], mine[1], mine[3], mine[4]
        for k in range(3):
            composed[k] = a * moves[k] + b * moves[3 + k]
            composed[3 + k] = d * moves[k] + e * moves[3 + k]
        composed[2] += mine[2]
        composed[5] += mine[5]
        for k in range(6):
            mine[k] = composed[k]
    if not covering:
        for k in range(3):
            mine[6 + k] = leaf[4 + k]
    pending[i] = True


def _build(digest: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`slot` and `finish`, kept on disk as long as the digest of all kernels is this."""

    def slot(
        drawn,
        choice,
        active,
        gated,
        op,
        leaves,
        geometric,
        crops,
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
            drawn: float32 (n, 4); crops: (n, 22), or (1, 22) without a crop in the table.
            op, leaves: of a `LeafTable`; geometric: (t,), which of them are.
            noise: the place of the noise of this slot.
            rows: float32 (n, s, ROW), with room for two more; lengths: int64 (n,).
            state: float32 (n, 9), map and fill that are pending; pending: bool (n,).
        """
        _ = digest
        room = np.empty((2, 6), _f)
        for i in range(drawn.shape[0]):
            which = choice[i]
            leaf = leaves[which]
            if (gated and not active[i]) or not drawn[i, 0] < leaf[0]:
                continue
            code, strength = op[which], _strength(leaf, drawn[i])
            if geometric[which]:
                if code == _ROTATE90:
                    strength = _f(90) * (_f(1) + np.floor(drawn[i, 1] * _f(3)))
                numbers = crops[i % crops.shape[0]]
                _move(
                    i,
                    code,
                    strength,
                    numbers,
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
            row[0], row[1], row[11], row[12] = _f(code), strength, drawn[i, 2], drawn[i, 3]
            for k in range(3):
                row[8 + k] = leaf[4 + k]
            row[13] = _f(noise)

    def finish(rows, lengths, state, pending, height, width):
        """What is pending; rows behind the last ones do nothing."""
        _ = digest
        for i in range(rows.shape[0]):
            _flush(i, rows, lengths, state, pending, height, width)
            for s in range(lengths[i], rows.shape[1]):
                rows[i, s, 0] = _f(0)

    return kept(slot, is_exact=True), kept(finish, is_exact=True)


slot, finish = _build(sources())
