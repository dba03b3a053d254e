"""The kernel that executes programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from quarterturn.augment.kernels import colours
from quarterturn.augment.kernels.compiling import kept, lean, sources
from quarterturn.augment.kernels.layout import flip, load, store
from quarterturn.augment.kernels.neighbours import cutout, gaussian_blur, sharpness
from quarterturn.augment.kernels.slanted import slanted, slanted_room

_f = np.float32

_RESAMPLE, _MIRROR, _OVERTURN = 1, 2, 3
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE, _GREY, _INVERT, _SOLARIZE = 4, 5, 6, 7, 8, 9, 10
_POSTERIZE, _AUTO_CONTRAST, _EQUALIZE, _SHARPNESS, _BLUR, _NOISE, _CUTOUT = (
    11,
    12,
    13,
    14,
    15,
    16,
    17,
)
#: Codes of `run`; 0 is nothing.
KERNEL_CODES = {
    "resample": _RESAMPLE,
    "horizontal_flip": _MIRROR,
    "vertical_flip": _OVERTURN,
    "brightness": _BRIGHTNESS,
    "contrast": _CONTRAST,
    "saturation": _SATURATION,
    "hue": _HUE,
    "grayscale": _GREY,
    "invert": _INVERT,
    "solarize": _SOLARIZE,
    "posterize": _POSTERIZE,
    "auto_contrast": _AUTO_CONTRAST,
    "equalize": _EQUALIZE,
    "sharpness": _SHARPNESS,
    "gaussian_blur": _BLUR,
    "gaussian_noise": _NOISE,
    "cutout": _CUTOUT,
}


@lean
def _changed(flat, a, b, code, strength, fill, centre, noise):
    """An operation on values, of planes that are a; true if its result is in b."""
    pixels = a.shape[1] * a.shape[2]
    red, green, blue = flat[:pixels], flat[pixels : 2 * pixels], flat[2 * pixels :]
    if code == _BRIGHTNESS:
        colours.blend_number(flat, _f(0.0), strength)
    elif code == _CONTRAST:
        colours.blend_number(flat, colours.mean_luma(red, green, blue), strength)
    elif code == _SATURATION:
        colours.saturate(red, green, blue, _f(1.0) + strength)
    elif code == _HUE:
        colours.hue(red, green, blue, strength)
    elif code == _GREY:
        colours.greyed(red, green, blue)
    elif code == _INVERT:
        colours.inverted(flat)
    elif code == _SOLARIZE:
        colours.solarize(flat, strength)
    elif code == _POSTERIZE:
        colours.posterize(flat, strength)
    elif code == _AUTO_CONTRAST:
        for plane in (red, green, blue):
            colours.auto_contrast(plane)
    elif code == _EQUALIZE:
        for plane in (red, green, blue):
            colours.equalize(plane)
    elif code == _SHARPNESS:
        if a.shape[1] >= 3 and a.shape[2] >= 3:
            sharpness(a, b, strength)
            return True
    elif code == _BLUR:
        gaussian_blur(a, strength)
    elif code == _NOISE:
        colours.add_noise(flat, noise.reshape(-1), strength)
    elif code == _CUTOUT:
        cutout(a, strength, centre, fill)
    return False


@lean
def _executed(
    source,
    scale,
    out,
    channels_last,
    gain,
    shift,
    codes,
    rows,
    noise,
    start,
    stop,
    buffers,
    room,
):
    """As `run`; buffers: two for planes."""
    size = source.shape[1], source.shape[2]
    height, width = size
    flat_a, flat_b = buffers
    a, b = flat_a.reshape(3, height, width), flat_b.reshape(3, height, width)
    for i in range(start, stop):
        load(source[i % source.shape[0]].reshape(-1), scale, flat_a)
        last = rows.shape[1] - 1
        while last >= 0 and rows[i, last, 0] == _f(0.0):
            last -= 1
        for s in range(last + 1):
            row = rows[i, s]
            code, m, colour = codes[np.int64(row[0])], row[2:8].reshape(2, 3), row[8:11]
            if code == 0:
                continue
            swap = code <= _OVERTURN
            if code == _RESAMPLE:
                slanted(flat_a, flat_b, size, m, colour, room)
            elif swap:
                flip(a, b, code == _MIRROR)
            else:
                own_noise = noise[np.int64(row[13]) if code == _NOISE else 0, i]
                swap = _changed(flat_a, a, b, code, row[1], colour, row[11:13], own_noise)
            if swap:
                a, b, flat_a, flat_b = b, a, flat_b, flat_a
        store(flat_a, out[i], channels_last, gain, shift)


def _build(digest: str) -> Callable[..., Any]:
    """The kernel `run`, kept on disk as long as the digest of all kernels is this."""

    @kept
    def run(
        source,
        scale,
        out,
        channels_last,
        gain,
        shift,
        codes,
        rows,
        noise,
        start,
        stop,
    ):
        """Execute the steps of images start to stop.

        Args:
            source: (m, h, w, 3), m being n or a part of it, for images that are taken several
                times; over `scale` it is in [0, 1].
            out: float32 (n, 3 h w): channels last or first.
            gain, shift: float32 (3,), applied to each channel at the end.
            codes: int16, from the codes of a table to those of KERNEL_CODES.
            rows: float32 (n, s, ROW), of a table.
            noise: float32 (k, n, 3, h, w).
        """
        _ = digest
        height, width = source.shape[1], source.shape[2]
        values = 3 * height * width
        buffers = np.empty(values, np.float32), np.empty(values, np.float32)
        room = slanted_room(height, width)
        _executed(
            source,
            scale,
            out,
            channels_last,
            gain,
            shift,
            codes,
            rows,
            noise,
            start,
            stop,
            buffers,
            room,
        )

    return run


run = _build(sources())
