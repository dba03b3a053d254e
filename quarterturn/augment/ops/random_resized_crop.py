"""Random resized crop, by torchvision's rule: ten tries, then a central crop.

A stage of its own in policies, as it has ranges of area and aspect in place of a strength.
"""

from __future__ import annotations

import numpy as np

from quarterturn.augment import layout
from quarterturn.augment.kernels.compile import exact_kernel
from quarterturn.augment.ops.operation import Operation
from quarterturn.policy.operations import OperationInfo

_f = np.float32


@exact_kernel
def affine(strength, draws, crop_draws, leaf, height, width, map):
    h, w = _f(height), _f(width)
    low, high = leaf[layout.SCALE], leaf[layout.SCALE + 1]
    narrow, wide = leaf[layout.RATIO], leaf[layout.RATIO + 1]
    log_low, log_high = np.log(narrow), np.log(wide)
    crop_w, crop_h = _f(0.0), _f(0.0)
    x, y = crop_draws[layout.CROP_X], crop_draws[layout.CROP_Y]
    found = False
    for i in range(layout.CROP_TRIES):
        area = (low + crop_draws[layout.CROP_AREA + i] * (high - low)) * (h * w)
        aspect = np.exp(log_low + crop_draws[layout.CROP_RATIO + i] * (log_high - log_low))
        crop_w, crop_h = np.sqrt(area * aspect), np.sqrt(area / aspect)
        if crop_w <= w and crop_h <= h:
            found = True
            break
    if not found:
        bounded = min(max(w / h, narrow), wide)
        crop_w, crop_h = min(h * bounded, w), min(w / bounded, h)
        x, y = _f(0.5), _f(0.5)
    map[0], map[2] = crop_w / w, x * (w - crop_w)
    map[4], map[5] = crop_h / h, y * (h - crop_h)


NAME = "random_resized_crop"
OPERATION = Operation(
    OperationInfo(NAME, "Crop a random part, resized to the whole image.", geometric=True),
    affine=affine,
    covers=True,
)
