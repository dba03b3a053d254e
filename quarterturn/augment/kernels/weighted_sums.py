"""Vectors where LLVM makes none, or puts them down between two numbers of a sum.

It makes none of a loop that reads at computed places, and processors that can gather do it slowly.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Numbers of `weighted_sums`.
SUMS = 32


@intrinsic
def weighted_sums(typing, source, place, apart, weights, count, out, to):  # noqa: ARG001
    """out[to + i] = the sum over k below count of weights[k] * source[place + i + k * apart], for i
    below SUMS. All arrays are float32.
    """
    numbers = ir.VectorType(ir.FloatType(), SUMS)

    def build(context, builder, signature, arguments):
        source, place, apart, weights, count, out, to = arguments

        def address(which, array, place):
            data = context.make_array(signature.args[which])(context, builder, array).data
            return builder.gep(data, [place])

        total = cgutils.alloca_once_value(builder, ir.Constant(numbers, [0.0] * SUMS))
        with cgutils.for_range(builder, count) as loop:
            further = builder.add(place, builder.mul(loop.index, apart))
            read = builder.bitcast(address(0, source, further), numbers.as_pointer())
            weight = builder.load(address(3, weights, loop.index))
            one = builder.insert_element(
                ir.Constant(numbers, ir.Undefined), weight, ir.Constant(ir.IntType(32), 0)
            )
            every = ir.Constant(ir.VectorType(ir.IntType(32), SUMS), [0] * SUMS)
            share = builder.fmul(
                builder.shuffle_vector(one, one, every),
                builder.load(read, align=4),
                flags=("contract",),
            )
            builder.store(builder.fadd(builder.load(total), share, flags=("contract",)), total)
        written = builder.bitcast(address(5, out, to), numbers.as_pointer())
        builder.store(builder.load(total), written, align=4)
        return context.get_dummy_value()

    size = types.intp
    return types.void(source, size, size, weights, size, out, size), build
