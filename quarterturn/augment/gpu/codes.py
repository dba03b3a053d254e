"""What kernels know of programs: the codes of operations, and where a row of numbers has what."""

from __future__ import annotations

import triton.language as tl

from quarterturn.augment import table
from quarterturn.augment.tables import CODES

RESAMPLE = tl.constexpr(CODES["resample"])
MIRROR = tl.constexpr(CODES["horizontal_flip"])
OVERTURN = tl.constexpr(CODES["vertical_flip"])
BRIGHTNESS = tl.constexpr(CODES["brightness"])
CONTRAST = tl.constexpr(CODES["contrast"])
SATURATION = tl.constexpr(CODES["saturation"])
HUE = tl.constexpr(CODES["hue"])
GRAYSCALE = tl.constexpr(CODES["grayscale"])
INVERT = tl.constexpr(CODES["invert"])
SOLARIZE = tl.constexpr(CODES["solarize"])
POSTERIZE = tl.constexpr(CODES["posterize"])
AUTO_CONTRAST = tl.constexpr(CODES["auto_contrast"])
EQUALIZE = tl.constexpr(CODES["equalize"])
SHARPNESS = tl.constexpr(CODES["sharpness"])
GAUSSIAN_BLUR = tl.constexpr(CODES["gaussian_blur"])
GAUSSIAN_NOISE = tl.constexpr(CODES["gaussian_noise"])
CUTOUT = tl.constexpr(CODES["cutout"])

#: Where a row of `quarterturn.augment.table.Table` has what.
ROW = tl.constexpr(table.ROW)
AT_STRENGTH = tl.constexpr(1)
AT_MAP = tl.constexpr(2)
AT_FILL = tl.constexpr(8)
AT_CENTRE = tl.constexpr(11)
AT_NOISE = tl.constexpr(13)

#: Behind the planes of an image: the tables of `equalize`.
LEVELS = tl.constexpr(256)
