"""Vectors where LLVM makes none, or puts them down between two numbers of a sum.

It makes none of a loop that reads at computed places, and processors that can gather do it slowly.
But eight places of eight numbers that follow one another are a permutation, where there is AVX2.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

LANES = 8
#: Of planes: numbers behind the last one that may be read.
BORDER = LANES + 1
#: Numbers of `weighted_sums`.
SUMS = 32
#: Whether the processor that is compiled for has AVX2.
PERMUTES = "+avx2" in cpu_target.target_context.codegen().magic_tuple()[2].split(",")

_NUMBERS = ir.VectorType(ir.FloatType(), LANES)
_PLACES = ir.VectorType(ir.IntType(32), LANES)


@intrinsic
def mix_near(typing, lines, place, apart, within, share, x, out, to, out_apart):  # noqa: ARG001
    """Of three lines, each `apart` from the one before, to three lines: out[to + i] = l + share[x +
    i] * (r - l) for i below LANES, where l is lines[place + within[x + i]] and r the number after
    it.

    Args:
        lines, share, out: float32.
        within: int32, from 0 to LANES - 1.
        place: all up to and including place + LANES are read, whatever is there.

    Not to be called unless PERMUTES.
    """

    def build(context, builder, signature, arguments):
        if not PERMUTES:  # its instruction must not reach the compiler
            return context.get_dummy_value()
        lines, place, apart, within, share, x, out, to, out_apart = arguments
        contract = ("contract",)

        def vector(which, array, place, kind):
            data = context.make_array(signature.args[which])(context, builder, array).data
            return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())

        permute = builder.module.declare_intrinsic(
            "llvm.x86.avx2.permps", (), ir.FunctionType(_NUMBERS, [_NUMBERS, _PLACES])
        )
        places = builder.load(vector(3, within, x, _PLACES), align=4)
        shares = builder.load(vector(4, share, x, _NUMBERS), align=4)

        def taken(place):
            numbers = builder.load(vector(0, lines, place, _NUMBERS), align=4)
            return builder.call(permute, [numbers, places])

        mixed = []
        for _ in range(3):
            left = taken(place)
            right = taken(builder.add(place, ir.Constant(place.type, 1)))
            step = builder.fmul(shares, builder.fsub(right, left, flags=contract), flags=contract)
            mixed.append(builder.fadd(left, step, flags=contract))
            place = builder.add(place, apart)
        for numbers in mixed:
            builder.store(numbers, vector(6, out, to, _NUMBERS), align=4)
            to = builder.add(to, out_apart)
        return context.get_dummy_value()

    size = types.intp
    return types.void(lines, size, size, within, share, size, out, size, size), build


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
