"""Vectors where LLVM makes none, or puts them down between two numbers of a sum.

It makes none of a loop that reads at computed places, and processors that can gather do it slowly.
What each of these is worth: docs/measured.md, bench-revisions.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

#: Numbers of `weighted_sums`.
SUMS = 32


@intrinsic
def mix_pixels(typing, source, place, share, out, to):  # noqa: ARG001
    """A pixel of three interleaved numbers, to out[to:]: that of source[place:] and, by its share,
    the one right of it. A fourth number is read of each, and written. All arrays are float32.
    """
    pixel = ir.VectorType(ir.FloatType(), 4)

    def build(context, builder, signature, arguments):
        source, place, share, out, to = arguments

        def address(which, array, place):
            data = context.make_array(signature.args[which])(context, builder, array).data
            return builder.bitcast(builder.gep(data, [place]), pixel.as_pointer())

        one = builder.load(address(0, source, place), align=4)
        right = builder.add(place, ir.Constant(place.type, 3))
        other = builder.load(address(0, source, right), align=4)
        first = ir.Constant(ir.IntType(32), 0)
        single = builder.insert_element(ir.Constant(pixel, ir.Undefined), share, first)
        every = ir.Constant(ir.VectorType(ir.IntType(32), 4), [0] * 4)
        shares = builder.shuffle_vector(single, single, every)
        contract = ("contract",)
        step = builder.fmul(shares, builder.fsub(other, one, flags=contract), flags=contract)
        builder.store(builder.fadd(one, step, flags=contract), address(3, out, to), align=4)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.float32, out, types.intp), build


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
