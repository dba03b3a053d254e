"""Near copies: frames of a video, thumbnails, burst shots, pictures that were saved once more.

Two pictures are near copies if their difference hashes (N. Krawetz, "Kind of like that", 2013)
differ in few bits and their pixels correlate. Candidates are neighbors among sorted hashes, turned
so that different bits lead, so the cost grows with n log n.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAX_BITS = 12
#: Of 12,000 pictures of CIFAR-10, 0.5 % have another one above it; a frame moved by a sixtieth of
#: its width is above it in 19 of 20 scenes.
_MIN_CORRELATION = 0.965
_TURNS = range(0, 64, 4)
_NEIGHBORS = (1, 2, 3)
_PAIRS = 1024  # compared at a time
_HASHED = 4096  # images at a time
#: A larger part of a set cannot be kept in one split.
MAX_GROUP = 0.2

Ints = NDArray[np.int64]


def _blocks(ends: Ints, side: int) -> NDArray[np.float32]:
    """(blocks, side) of ones where a place lies in a block."""
    places = np.arange(side)
    inside = (places >= ends[:-1, None]) & (places < ends[1:, None])
    return inside.astype(np.float32)


def difference_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Whether each of 8 x 8 places is brighter than that to its right, in green: one bit each.

    Args:
        images: uint8 (n, s, s, 3).
    """
    side = images.shape[1]
    rows, columns = np.arange(9) * side // 8, np.arange(10) * side // 9
    rows[-1] = columns[-1] = side
    # Sums over blocks as products; they are whole numbers, and exact in single precision.
    above = _blocks(rows, side)
    beside = _blocks(columns, side).T
    widths = np.diff(columns)
    hashes = np.empty(len(images), np.uint64)
    for start in range(0, len(images), _HASHED):
        green = images[start : start + _HASHED, :, :, 1].astype(np.float32)
        sums = (above @ (green @ beside)).astype(np.int64)
        # Means of blocks, compared without dividing.
        left, right = sums[:, :, :-1] * widths[1:], sums[:, :, 1:] * widths[:-1]
        bits = np.packbits((left > right).reshape(-1, 64), axis=1)
        hashes[start : start + _HASHED] = bits.view(np.uint64).ravel()
    return hashes


def _bits(values: NDArray[np.uint64]) -> Ints:
    """How many bits are set, summed side by side: of 2, of 4, of 8, and those of all bytes."""
    values = values - ((values >> np.uint64(1)) & np.uint64(0x5555555555555555))
    fours = np.uint64(0x3333333333333333)
    values = (values & fours) + ((values >> np.uint64(2)) & fours)
    values = (values + (values >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    counts: Ints = ((values * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.int64)
    return counts


def _candidates(hashes: NDArray[np.uint64]) -> Ints:
    """(pairs, 2) of images whose hashes are alike."""
    found = []
    for turn in _TURNS:
        left, right = np.uint64(turn), np.uint64((64 - turn) % 64)
        turned = (hashes << left) | (hashes >> right) if turn else hashes
        order = np.argsort(turned, kind="stable")
        for gap in _NEIGHBORS:
            first, second = order[:-gap], order[gap:]
            alike = _bits(hashes[first] ^ hashes[second]) <= _MAX_BITS
            first, second = first[alike], second[alike]
            # One number a pair: rows are slower to sort.
            found.append(np.minimum(first, second) * len(hashes) + np.maximum(first, second))
    pairs = np.unique(np.concatenate(found))
    return np.stack(np.divmod(pairs, len(hashes)), axis=1)


def _correlations(images: NDArray[np.uint8], pairs: Ints) -> NDArray[np.float64]:
    def of(places: Ints) -> NDArray[np.float64]:
        values = images[places][:, ::2, ::2, 1].reshape(len(places), -1).astype(np.float64)
        values -= values.mean(1, keepdims=True)
        length = np.linalg.norm(values, axis=1, keepdims=True)
        np.divide(values, length, out=values, where=length > 0)
        return values

    parts = [
        (of(part[:, 0]) * of(part[:, 1])).sum(1)
        for part in np.array_split(pairs, max(1, len(pairs) // _PAIRS))
    ]
    correlations: NDArray[np.float64] = np.concatenate(parts)
    return correlations


def group_near_copies(images: NDArray[np.uint8], order: Ints) -> Ints:
    """For each image the place of the first image of its group, in an order; alone its own.

    Args:
        images: uint8 (n, s, s, 3).
        order: places of all images; what is found does not depend on how they came.

    A group that is too large a part of the set is none: all images are alike, and apart.
    """
    count = len(images)
    leader = np.arange(count)
    pairs = _candidates(difference_hashes(images)[order])  # as numbers in the order
    if len(pairs):
        pairs = pairs[_correlations(images, order[pairs]) >= _MIN_CORRELATION]
    for first, second in pairs.tolist():
        one, other = _root(leader, first), _root(leader, second)
        leader[max(one, other)] = min(one, other)
    leader = np.array([_root(leader, place) for place in range(count)])
    sizes = np.bincount(leader, minlength=count)
    apart = sizes[leader] > max(2, MAX_GROUP * count)
    leader = np.where(apart, np.arange(count), leader)
    places = np.empty(count, np.int64)
    places[order] = order[leader]
    return places


def _root(leader: Ints, place: int) -> int:
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = int(leader[place])
    return place
