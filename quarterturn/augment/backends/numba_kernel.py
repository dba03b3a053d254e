"""The loop that carries each image through its steps on a CPU, compiled by numba.

An image stays in the first cache from its first step to its last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quarterturn.augment import layout
from quarterturn.augment.kernels.compile import entry_point, kernel, source_digest
from quarterturn.augment.kernels.dispatch import dispatcher
from quarterturn.augment.kernels.store import load, store
from quarterturn.augment.ops.registry import CODES, RESAMPLE_CODE, pixel_kernels
from quarterturn.augment.ops.resample import is_aligned, resample_aligned

#: Steps that are compiled: those that were registered when this module was first imported.
STEPS = {name: step for name, step in pixel_kernels().items() if step.numba_cpu is not None}
_KERNELS = {CODES[name]: step.numba_cpu for name, step in STEPS.items() if step.numba_cpu}
#: (code, image, spare, row, noise, scratch): 1 if the result is in `spare`.
_apply = kernel(
    dispatcher(
        "apply",
        "image, spare, row, noise, scratch",
        _KERNELS,
        [CODES[name] for name, step in STEPS.items() if step.fills_spare],
    )
)


@kernel
def _execute(
    source, scale, out, channels_last, gain, shift, rows, noise, start, stop, buffers, scratch
):
    """As `run`."""
    height, width = source.shape[1], source.shape[2]
    now, spare = buffers
    for i in range(start, stop):
        numbers, is_loaded = source[i % source.shape[0]].reshape(-1), False
        for s in range(rows.shape[1]):
            row = rows[i, s]
            code = np.int64(row[layout.OP])
            if code == 0:
                continue
            image, other = now.reshape(height, width, 3), spare.reshape(height, width, 3)
            if not is_loaded and code == RESAMPLE_CODE and is_aligned(row):
                # Most policies begin with a crop or a flip, which need not wait for all pixels.
                resample_aligned(numbers, scale, other, row, scratch)
                now, spare, is_loaded = spare, now, True
                continue
            if not is_loaded:
                load(numbers, scale, now)
                is_loaded = True
            own_noise = noise[np.int64(row[layout.NOISE]), i]
            if _apply(code, image, other, row, own_noise, scratch):
                now, spare = spare, now
        if not is_loaded:
            load(numbers, scale, now)
        store(now, out[i], channels_last, gain, shift)


def _build(digest: str) -> Callable[..., Any]:
    """The function `run`, kept on disk as long as the digest of all source is this."""

    @entry_point
    def run(source, scale, out, channels_last, gain, shift, rows, noise, start, stop):
        """Execute the steps of images start to stop.

        Args:
            source: (m, h, w, 3), m being n or a part of it, for images that are taken several
                times; over `scale` it is in [0, 1].
            out: float32 (n, 3 h w): channels last or first.
            gain, shift: float32 (3,), applied to each channel at the end.
            rows: float32 (n, s, ROW), of a packed plan.
            noise: float32 (k, n, 3, h, w), k being 1 at least.
        """
        _ = digest
        height, width = source.shape[1], source.shape[2]
        values = 3 * height * width
        # Resampling reads a row and a pixel more, and gives them no share: they must be finite.
        first = np.zeros(values + 3 * width + 4, np.float32)
        second = np.zeros(values + 3 * width + 4, np.float32)
        scratch = np.zeros(9 * width + 8, np.float32)
        buffers = first[:values], second[:values]
        gains, shifts = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32)
        for x in range(3 * width):
            gains[x], shifts[x] = gain[x % 3], shift[x % 3]
        _execute(
            source,
            scale,
            out,
            channels_last,
            gains,
            shifts,
            rows,
            noise,
            start,
            stop,
            buffers,
            scratch,
        )

    return run


run = _build(source_digest(_KERNELS))
