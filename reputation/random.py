"""Counter-based random numbers: a draw is a pure function of (seed, walk, step).

Each walk is a SplitMix64 stream of its own (Steele, Lea and Flood 2014, *Fast splittable
pseudorandom number generators*). Nothing is carried from draw to draw, so neither the order of the
walks nor the number of threads can change a result.
"""

from typing import Any

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_S27, _S30, _S31, _S32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def mix(z: np.uint64) -> np.uint64:
    """SplitMix64's output function."""
    z = (z ^ (z >> _S30)) * _A
    z = (z ^ (z >> _S27)) * _B
    return z ^ (z >> _S31)


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def stream(seed: np.uint64, walk: np.uint64) -> Any:
    """The stream of one walk."""
    return mix(mix(seed) + walk * _GOLDEN)


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def draw(stream: np.uint64, counter: np.uint64) -> Any:
    """The stream's draw number ``counter``: 64 uniform bits."""
    return mix(stream + (counter + np.uint64(1)) * _GOLDEN)


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def multiply(bits: np.uint64, size: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128-bit product as (high, low) words, for ``size`` below 2**32.

    High is uniform on 0 … size − 1, and low is a uniform 64-bit fraction beside it: one draw serves
    for the slot and for the coin of an alias table.
    """
    low = (bits & _LOW) * size
    high = (bits >> _S32) * size + (low >> _S32)
    return high >> _S32, (high << _S32) | (low & _LOW)
