"""Resampling by maps without rotation or shear: columns are mixed, once for each row that is read,
then rows. See `quarterturn.augment.geometry`.
"""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compiling import kernel, lean
from quarterturn.augment.kernels.layout import blend, finish, paint, unweave, weave

_f = np.float32
#: Numbers of the rows that are held, which stay in the first cache.
_BAND = 6144


@lean
def is_straight(m):
    return m[0, 1] == _f(0.0) and m[1, 0] == _f(0.0)


@kernel
def working_room(height, width):
    """What `straight` needs for images of one size."""
    kept = max(2, _BAND // (3 * width))
    return (
        (np.empty(width, np.int32), np.empty(width, np.float32)),
        (np.empty(height, np.int32), np.empty(height, np.float32)),
        np.zeros(3 * kept * width + 1, np.float32),
        np.empty((kept, 3 * width), np.float32),
        np.empty((kept, 3 * width), np.float32),
    )


@lean
def _taps(a, c, size, at, share):
    """Where a row or column reads: the first of two places, and the share of the second; from where
    to where it is inside the image.
    """
    start, stop = size, 0
    for i in range(at.shape[0]):
        middle = a * (_f(i) + _f(0.5)) + c
        inside = i < size and abs(middle * _f(2.0) / _f(size) - _f(1.0)) <= _f(1.00001)
        start = min(start, i if inside else size)
        stop = max(stop, i + 1 if inside else 0)
        middle = min(max(middle - _f(0.5), _f(0.0)), _f(size - 1))
        low = np.int32(middle)
        at[i], share[i] = low, middle - _f(low)
    return start, max(start, stop)


@lean
def _mix(planes, place, apart, taps, out):
    """A row of three planes, which begins at `place` in the first, to three lines of out."""
    at, share = taps
    columns = at.shape[0]
    for c in range(3):
        line, mixed = planes[place + c * apart :], out[c * columns : (c + 1) * columns]
        for x in range(columns):
            left, right = line[np.uint32(at[x])], line[np.uint32(at[x]) + np.uint32(1)]
            mixed[x] = left + share[x] * (right - left)


@lean
def _span(at, start, stop, size):
    """The places that are read from start to stop: the first, and the one after the last."""
    one, other = np.int64(at[start]), np.int64(at[stop - 1])
    return min(one, other), min(max(one, other) + 2, size)


@lean
def _band(at, begin, bottom, size, kept):
    """As many rows as read no more than `kept`: where they end, and their span."""
    end = begin + 1
    low, high = _span(at, begin, end, size)
    while end < bottom:
        lower, higher = _span(at, begin, end + 1, size)
        if higher - lower > kept:
            break
        low, high, end = lower, higher, end + 1
    return end, low, high


@lean
def straight(source, woven, scale, out, channels_last, size, m, fill, gain, shift, room):
    """Resample, clamp, normalise.

    Args:
        source: flat; over `scale` it is in [0, 1]. Channels last if woven, else first and followed
            by one more number.
        out: flat, channels last or first.
        size: height, width.
        room: that of `working_room`.
    """
    columns, rows, read, mixed, done = room
    height, width = size
    at, share = rows
    left, right = _taps(m[0, 0], m[0, 2], width, columns[0], columns[1])
    top, bottom = _taps(m[1, 1], m[1, 2], height, at, share)
    if left == right:
        top, bottom = 0, 0
    kept, pitch = mixed.shape[0], columns[0].shape[0]
    part = kept * width  # of `read`, for a channel
    for y in range(height):
        if y < top or y >= bottom:
            paint(out, channels_last, y, 0, width, size, fill, gain, shift)
    # Rows of the source whose columns are mixed: row y at y % kept.
    held_from, held_to = np.int64(0), np.int64(0)
    begin = top
    while begin < bottom:
        end, low, high = _band(at, begin, bottom, height, kept)
        new_from, new_to = low, high
        if low >= held_from:
            new_from = max(low, held_to)
        else:  # a map may go upwards
            new_to = min(high, held_from)
        held_from, held_to = low, high
        # One stage after the other: a processor waits where it reads what was written just now, in
        # other pieces.
        if woven and new_from < new_to:
            numbers = source[3 * width * new_from : 3 * width * new_to]
            unweave(numbers, scale, read[:part], read[part : 2 * part], read[2 * part :])
        for y in range(new_from, new_to):
            row = mixed[y % kept]
            if woven:
                place = (y - new_from) * width
                _mix(read, place, part, columns, row)
            else:
                _mix(source, y * width, height * width, columns, row)
        if channels_last:
            for y in range(new_from, new_to):
                row = mixed[y % kept]
                weave(row, row[pitch:], row[2 * pitch :], gain, shift, done[y % kept])
        for y in range(begin, end):
            upper, lower = np.int64(at[y]) % kept, min(np.int64(at[y]) + 1, height - 1) % kept
            if channels_last:
                line = out[3 * width * y : 3 * width * (y + 1)]
                blend(done[upper], done[lower], share[y], line)
            else:
                for c in range(3):
                    line = out[(c * height + y) * width : (c * height + y + 1) * width]
                    one, other = mixed[upper, c * pitch :], mixed[lower, c * pitch :]
                    finish(one, other, share[y], gain[c], shift[c], line)
            paint(out, channels_last, y, 0, left, size, fill, gain, shift)
            paint(out, channels_last, y, right, width, size, fill, gain, shift)
        begin = end
