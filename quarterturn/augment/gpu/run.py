"""The kernel that executes programs."""

from __future__ import annotations

import triton
import triton.language as tl

from quarterturn.augment.gpu.codes import (
    EQUALIZE,
    GAUSSIAN_BLUR,
    LEVELS,
    MIRROR,
    OVERTURN,
    RESAMPLE,
    ROW,
    SHARPNESS,
)
from quarterturn.augment.gpu.neighbours import flip, gaussian_blur, resample, sharpness
from quarterturn.augment.gpu.values import change, clamp, equalize, planes, put


@triton.jit
def _loaded(source, at, there, BYTES: tl.constexpr):
    value = tl.load(source + at, there, 0).to(tl.float32)
    if BYTES:
        value = tl.div_rn(value, 255.0)
    return value


@triton.jit
def _stored(out, value, at, there, channel, mean, std, NORMALISED: tl.constexpr):
    value = clamp(value)
    if NORMALISED:
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
    NORMALISED: tl.constexpr,
    SPAN: tl.constexpr,
):
    """Execute the steps of all images.

    Args:
        source: uint8 if BYTES, else float32; (taken, 3, h, w) with strides in elements. Taken
            several times, one after the other, if `count` is larger.
        out: float32 (count, 3, h, w) with strides in elements.
        work: float32, 6 h w + LEVELS for each program of the launch.
        rows: float32 (count, steps, ROW), of a table.
        noise: float32 (k, count, 3, h, w).
        mean, std: float32 (3,), applied in the end if NORMALISED.
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
            red = _loaded(image, place, there, BYTES)
            green = _loaded(image + source_channel, place, there, BYTES)
            blue = _loaded(image + 2 * source_channel, place, there, BYTES)
            put(area, pixels, at, there, red, green, blue)
        tl.debug_barrier()
        swapped = 0
        for step in range(0, steps):
            row = rows + (own * steps + step) * ROW
            code = tl.load(row).to(tl.int32)
            if code > 0:
                now = area + swapped * 3 * pixels
                other = area + (1 - swapped) * 3 * pixels
                if code == RESAMPLE:
                    resample(now, other, row, height, width, SPAN)
                    swapped = 1 - swapped
                elif (code == MIRROR) | (code == OVERTURN):
                    flip(now, other, code == MIRROR, height, width, SPAN)
                    swapped = 1 - swapped
                elif code == SHARPNESS:
                    if (height > 2) & (width > 2):
                        sharpness(now, other, row, height, width, SPAN)
                        swapped = 1 - swapped
                elif code == GAUSSIAN_BLUR:
                    gaussian_blur(now, other, row, height, width, SPAN)
                elif code == EQUALIZE:
                    for channel in range(0, 3):
                        equalize(now + channel * pixels, levels, pixels, SPAN)
                        tl.debug_barrier()
                else:
                    change(now, code, row, noise + own * 3 * pixels, count, height, width, SPAN)
                tl.debug_barrier()
        done = area + swapped * 3 * pixels
        target = out + own * out_image
        for start in range(0, pixels, SPAN):
            at, there, red, green, blue = planes(done, start, pixels, SPAN)
            place = (at // width) * out_y + (at % width) * out_x
            _stored(target, red, place, there, 0, mean, std, NORMALISED)
            _stored(target + out_channel, green, place, there, 1, mean, std, NORMALISED)
            _stored(target + 2 * out_channel, blue, place, there, 2, mean, std, NORMALISED)
        tl.debug_barrier()
