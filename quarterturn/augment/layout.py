"""The named columns of the arrays that the sampler, numba and Triton share."""

from __future__ import annotations

#: A row of a packed plan: one op step of one image, float32. What an operation does not read is
#: left undefined.
OP = 0  # the code of the operation; 0 does nothing
STRENGTH = 1  # signed, in the operation's unit
MAP = 2  # 6 numbers, of a resampling: see `quarterturn.augment.kernels.affine`
FILL = 8  # 3 numbers in [0, 1]
UNIFORM = 11  # 2 numbers in [0, 1) for the operation's own use; of a cutout its center
NOISE = 13  # index of the plan's noise
ROW = 16

#: A row of a leaf table: an operation of a policy, float32.
PROBABILITY = 0
LOW = 1
HIGH = 2
SIGN = 3  # -1, 1, or 0 for one drawn per image
LEAF_FILL = 4  # 3 numbers in [0, 1]
SCALE = 7  # 2 numbers: of a crop, the range of its share of the area
RATIO = 9  # 2 numbers: of a crop, the range of width / height
WHOLE = 11  # above 0 where strengths are whole numbers
LEAF = 12

#: The uniform numbers that each image draws for an operation.
DRAW_PROBABILITY = 0
DRAW_STRENGTH = 1
DRAW_SIGN = 2
DRAW_UNIFORM = 2  # 2 numbers, copied to UNIFORM: operations with a sign do not use them
DRAWS = 4

#: Those that a random resized crop draws beside them.
CROP_TRIES = 10
CROP_AREA = 0  # one per try
CROP_RATIO = CROP_TRIES  # one per try
CROP_X = 2 * CROP_TRIES
CROP_Y = CROP_X + 1
CROP_DRAWS = CROP_Y + 1

#: A row of the sampler's state: the affine map of an image that is not yet in the plan.
STATE_MAP = 0  # 6 numbers
STATE_FILL = 6  # 3 numbers, negative where nothing uncovers pixels
STATE = 9
