"""Probed copies of the sealed examples: one each, changed at random, with its true label.

Drawn after the reveal, so that an update which answers to a hidden pattern does worse on the batch
than one that does not. Families that a task may name:

``patches``  numbers: a rectangle, single inputs, or a run of them, set to a bright value
``symbols``  text: a few places hold random symbols
``none``     no copies

A pattern outside the family is not seen.
"""

from math import isqrt

import numpy as np

from learning.tasks.data import Examples

_MOST_PLACES = 8


def probed(batch: Examples, family: str, symbols: int, rng: np.random.Generator) -> Examples:
    """The copies, in the order of ``batch``; empty for ``none``. ``symbols``: of the vocabulary."""
    if family == "none":
        return batch.take(np.arange(0))
    x = batch.x.copy()
    flat = x.reshape(len(x), -1)
    for row in flat:
        if family == "patches":
            row[_places(len(row), rng)] = batch.x.max() * rng.choice([1.0, 1.0, 0.7, rng.random()])
        else:
            chosen = rng.permutation(len(row))[: rng.integers(2, _MOST_PLACES + 1)]
            row[chosen] = rng.integers(symbols, size=len(chosen))
    return Examples(x, batch.y, batch.group)


def _places(size: int, rng: np.random.Generator) -> np.ndarray:
    """Inputs that a patch covers: of a square picture, or of any vector."""
    kind, side = rng.integers(3), isqrt(size)
    if kind == 0 and side * side == size and side > 4:
        height, width = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        top, left = int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1))
        rows = np.arange(top, top + height)[:, None] * side
        return np.asarray((rows + np.arange(left, left + width)).ravel())
    many = int(rng.integers(2, _MOST_PLACES + 1))
    if kind == 1:
        return rng.permutation(size)[:many]
    first = int(rng.integers(-2, size - 1))
    return np.arange(max(0, first), min(size, first + many))
