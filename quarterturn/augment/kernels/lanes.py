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
def mix_four(typing, source, place, pitch, across, down, out, to):  # noqa: ARG001
    """A pixel of three interleaved numbers, to out[to:]: that of source[place:], the one right of
    it and those a line, of `pitch`, below; the right ones have the share `across`, the lower ones
    `down`. A fourth number is read of each, and written. All arrays are float32.
    """
    pixel = ir.VectorType(ir.FloatType(), 4)

    def build(context, builder, signature, arguments):
        source, place, pitch, across, down, out, to = arguments
        contract = ("contract",)

        def address(which, array, place):
            data = context.make_array(signature.args[which])(context, builder, array).data
            return builder.bitcast(builder.gep(data, [place]), pixel.as_pointer())

        def mix(one, other, share):
            lane = ir.Constant(ir.IntType(32), 0)
            single = builder.insert_element(ir.Constant(pixel, ir.Undefined), share, lane)
            every = ir.Constant(ir.VectorType(ir.IntType(32), 4), [0] * 4)
            shares = builder.shuffle_vector(single, single, every)
            step = builder.fmul(shares, builder.fsub(other, one, flags=contract), flags=contract)
            return builder.fadd(one, step, flags=contract)

        rows = []
        for begin in (place, builder.add(place, pitch)):
            right = builder.add(begin, ir.Constant(begin.type, 3))
            pair = [builder.load(address(0, source, at), align=4) for at in (begin, right)]
            rows.append(mix(*pair, across))
        builder.store(mix(*rows, down), address(5, out, to), align=4)
        return context.get_dummy_value()

    size, share = types.intp, types.float32
    return types.void(source, size, size, share, share, out, size), build


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
