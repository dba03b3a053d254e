"""Programs on a GPU, in one launch: a block of threads carries an image from its first step to its
last, which mostly stays in the caches.

The same formulas as the torch functions of `color`, `filters` and `geometry`, which are the
reference. Images under way are float32 (3, h, w) in memory of the block; a part of SPAN pixels is
in registers. Triton compiles for the GPU that is there.
"""
