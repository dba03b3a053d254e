"""Uniform numbers of a seed: those of `torch.rand` with a generator of that seed, in less time than
torch takes to make the generator.
"""

from __future__ import annotations

import numpy as np

from quarterturn.augment.kernels.compile import entry_point, exact_kernel

_u = np.uint32
_STATE, _MIDDLE = 624, 397


@exact_kernel
def _seed(state, seed):
    """By Knuth's rule, as the Mersenne Twister's authors do it."""
    state[0] = seed
    for i in range(1, _STATE):
        before = state[i - 1]
        state[i] = _u(_u(1812433253) * (before ^ (before >> _u(30))) + _u(i))


@exact_kernel
def _mixed(upper, lower):
    both = (upper & _u(0x80000000)) | (lower & _u(0x7FFFFFFF))
    odd = _u(0x9908B0DF) if lower & _u(1) else _u(0)
    return (both >> _u(1)) ^ odd


@exact_kernel
def _advance(state):
    for i in range(_STATE - _MIDDLE):
        state[i] = state[i + _MIDDLE] ^ _mixed(state[i], state[i + 1])
    for i in range(_STATE - _MIDDLE, _STATE - 1):
        state[i] = state[i + _MIDDLE - _STATE] ^ _mixed(state[i], state[i + 1])
    state[_STATE - 1] = state[_MIDDLE - 1] ^ _mixed(state[_STATE - 1], state[0])


@exact_kernel
def _tempered(number):
    number ^= number >> _u(11)
    number ^= (number << _u(7)) & _u(0x9D2C5680)
    number ^= (number << _u(15)) & _u(0xEFC60000)
    return number ^ (number >> _u(18))


def _uniform(seed, out):
    """Fill out, float32 and flat, with numbers in [0, 1) of the lower half of a seed."""
    state = np.empty(_STATE, np.uint32)
    _seed(state, _u(seed & 0xFFFFFFFF))
    for begin in range(0, out.shape[0], _STATE):
        _advance(state)
        for i in range(min(_STATE, out.shape[0] - begin)):
            whole = _tempered(state[i]) & _u(0xFFFFFF)
            out[begin + i] = np.float32(whole) * np.float32(2.0**-24)


uniform = entry_point(_uniform, exact=True)
