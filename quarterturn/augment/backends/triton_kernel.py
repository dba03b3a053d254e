"""The loop that carries each image through its steps on a GPU, compiled by Triton, in one launch.

A block of threads takes an image from its first step to its last, which mostly stays in the caches.
Images under way are float32 (3, h, w) in memory of the block. Triton compiles for the GPU that is
there.
"""

from __future__ import annotations

import triton
import triton.language as tl

from quarterturn.augment.kernels.dispatch import dispatcher
from quarterturn.augment.kernels.language import LEVELS, NOISE, OP, ROW
from quarterturn.augment.kernels.triton_pixels import clamp, planes, put
from quarterturn.augment.ops.registry import CODES, pixel_kernels

#: Steps that are compiled: those that were registered when this module was first imported.
STEPS = {name: step for name, step in pixel_kernels().items() if step.triton_gpu is not None}
#: (code, image, spare, row, noise, levels, height, width, SPAN): 1 if the result is in `spare`.
_apply = triton.jit(
    dispatcher(
        "apply_triton",
        "image, spare, row, noise, levels, height, width, SPAN: tl.constexpr",
        {CODES[name]: step.triton_gpu for name, step in STEPS.items() if step.triton_gpu},
        [CODES[name] for name, step in STEPS.items() if step.fills_spare],
    )
)


@triton.jit
def _load(source, at, there, BYTES: tl.constexpr):
    value = tl.load(source + at, there, 0).to(tl.float32)
    if BYTES:
        value = tl.div_rn(value, 255.0)
    return value


@triton.jit
def _store(out, value, at, there, channel, mean, std, NORMALIZED: tl.constexpr):
    value = clamp(value)
    if NORMALIZED:
        value = (value - tl.load(mean + channel)) / tl.load(std + channel)
    tl.store(out + at, value, there)


#: Numbers that change from batch to batch: of those that may, Triton compiles a kernel for each.
_ANY = ["source_image", "out_image", "taken", "count", "steps"]


@triton.jit(do_not_specialize=_ANY)
def run(
    source,
    source_image,
    source_channel,
    source_y,
    source_x,
    out,
    out_image,
    out_channel,
    out_y,
    out_x,
    work,
    rows,
    noise,
    mean,
    std,
    taken,
    count,
    steps,
    height,
    width,
    BYTES: tl.constexpr,
    NORMALIZED: tl.constexpr,
    SPAN: tl.constexpr,
):
    """Execute the steps of all images.

    Args:
        source: uint8 if BYTES, else float32; (taken, 3, h, w) with strides in elements. Taken
            several times, one after the other, if `count` is larger.
        out: float32 (count, 3, h, w) with strides in elements.
        work: float32, 6 h w + LEVELS for each block of the launch.
        rows: float32 (count, steps, ROW), of a packed plan.
        noise: float32 (k, count, 3, h, w).
        mean, std: float32 (3,), applied in the end if NORMALIZED.
    """
    pixels = height * width
    area = work + tl.program_id(0).to(tl.int64) * (6 * pixels + LEVELS)
    levels = area + 6 * pixels
    for number in range(tl.program_id(0), count, tl.num_programs(0)):
        own = tl.full((), number, tl.int64)
        image = source + (own % taken) * source_image
        for start in range(0, pixels, SPAN):
            at = start + tl.arange(0, SPAN)
            there = at < pixels
            place = (at // width) * source_y + (at % width) * source_x
            red = _load(image, place, there, BYTES)
            green = _load(image + source_channel, place, there, BYTES)
            blue = _load(image + 2 * source_channel, place, there, BYTES)
            put(area, pixels, at, there, red, green, blue)
        tl.debug_barrier()
        swapped = 0
        for step in range(0, steps):
            row = rows + (own * steps + step) * ROW
            code = tl.load(row + OP).to(tl.int32)
            if code > 0:
                now = area + swapped * 3 * pixels
                other = area + (1 - swapped) * 3 * pixels
                own_noise = noise + (tl.load(row + NOISE).to(tl.int64) * count + own) * 3 * pixels
                fills_spare = _apply(code, now, other, row, own_noise, levels, height, width, SPAN)
                swapped = swapped + fills_spare - 2 * swapped * fills_spare
                tl.debug_barrier()
        done = area + swapped * 3 * pixels
        target = out + own * out_image
        for start in range(0, pixels, SPAN):
            at, there, red, green, blue = planes(done, start, pixels, SPAN)
            place = (at // width) * out_y + (at % width) * out_x
            _store(target, red, place, there, 0, mean, std, NORMALIZED)
            _store(target + out_channel, green, place, there, 1, mean, std, NORMALIZED)
            _store(target + 2 * out_channel, blue, place, there, 2, mean, std, NORMALIZED)
        tl.debug_barrier()
