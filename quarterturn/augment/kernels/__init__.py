"""What the kernels of operations are made of: how they are compiled, and steps that several share.

Kernels of numba take one image, float32 (h, w, 3); numba infers the types. Kernels of Triton take
the address of one, planes float32 (3, h, w); a part of SPAN pixels is in registers at once.
"""
