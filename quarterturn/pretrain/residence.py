"""Which images are kept on an accelerator."""

from __future__ import annotations

from collections.abc import Mapping

#: Of the free memory. The rest is for training, for scoring, and for another worker.
_SHARE = 0.5


def resident(sizes: Mapping[str, int], free: float) -> set[str]:
    """The parts that are kept, in their order while they fit.

    Args:
        sizes: bytes of each part, the one that is needed most first.
        free: bytes of the accelerator that are free now.
    """
    left = _SHARE * free
    kept = set()
    for name, size in sizes.items():
        if size <= left:
            kept.add(name)
            left -= size
    return kept
