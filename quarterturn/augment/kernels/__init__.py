"""Programs on a CPU, image by image: each image stays in cache from its first step to its last.

The same formulas as the torch functions of `color`, `filters` and `geometry`, which are the
reference. Images under way are float32 (3, h, w). numba infers the types.
"""

from quarterturn.augment.kernels.run import KERNEL_CODES, run

__all__ = ["KERNEL_CODES", "run"]
