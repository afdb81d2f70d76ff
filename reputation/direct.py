"""The whole diagonal of G at once: sparse elimination, a dense inverse of the core, and back.

Every entry comes with an enclosure: the sparse phases run twice, rounded down and up (see
:mod:`reputation.elimination`); the dense inverse K of the core is checked by its residual
R = I − (I − S)K, since the error of K's column j is at most max|R_j| / (1 − c).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from scipy.sparse import coo_array
from threadpoolctl import threadpool_limits

from reputation.components import strong_components
from reputation.elimination import MARGIN, Triples, add, eliminate
from reputation.rows import Floats, Int32s, Int64s
from reputation.transitions import Matrix, Transitions

_MOST_NEIGHBOURS = 48  # of a state that is eliminated sparsely
MOST_CORE = 4096  # states that are inverted densely: 128 MiB and 3 s for each dense matrix
_WORST = 1e-9  # an enclosure that is wider is no use: walks that hardly stop need many digits
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Returns:
    """The diagonal of G by node in canonical order; all of shape (n,)."""

    trust: Floats  # G((j, trust), (j, trust))
    crossing: Floats  # G((j, trust), (j, distrust)); zeros on an unsigned graph
    distrust: Floats  # G((j, distrust), (j, distrust)); ones on an unsigned graph
    error: Floats  # bounds the error of each of the three


def all_returns(transitions: Transitions, c: float) -> Returns | None:
    """The whole diagonal; None if the core is too large for a dense inverse, or α too small."""
    n = transitions.n
    rows = _rows(transitions, c)
    with threadpool_limits(1):  # so that results do not depend on the number of threads
        low = eliminate(*rows, _MOST_NEIGHBOURS, 1.0 - MARGIN)
        core = np.setdiff1d(np.arange(n), low[0])
        if len(core) > MOST_CORE:
            return None
        high = eliminate(*rows, _MOST_NEIGHBOURS, 1.0 + MARGIN)
        inverse = _inverse(_dense(low, core), _dense(high, core), transitions.signed, c)
    number = np.full(n, -1, np.int64)
    number[core] = np.arange(len(core))
    ends = [
        _back(*record[:6], number, *inverse, sign, 1.0 + sign * MARGIN)
        for record, sign in ((low, -1.0), (high, 1.0))
    ]
    middle = 0.5 * (ends[0] + ends[1])
    error = 0.5 * np.abs(ends[1] - ends[0]).max(axis=1) + 4.0 * _EPS * middle.max(axis=1)
    if error.max(initial=0.0) > _WORST:
        return None
    return Returns(middle[:, 0], middle[:, 1], middle[:, 2], error)


def _rows(transitions: Transitions, c: float) -> tuple[Int64s, Int32s, Triples]:
    """c·C as rows of triples over nodes, within strongly connected components, with the pattern
    made symmetric.
    """
    n, out = transitions.n, transitions.out
    source = np.repeat(np.arange(out.rows), np.diff(out.indptr))
    target = out.indices.astype(np.int64)
    kind = (source >= n).astype(np.int64) + (target >= n)  # 0: a, 1: b, 2: d
    i, j = source % n, target % n
    labels = _components(i, j, n)
    inside = labels[i] == labels[j]
    i, j, kind, step = i[inside], j[inside], kind[inside], c * out.data[inside]
    pairs, place = np.unique(np.concatenate([i * n + j, j * n + i]), return_inverse=True)
    data = np.zeros((len(pairs), 3))
    np.add.at(data, (place[: len(i)], kind), step)
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(pairs // n, minlength=n), out=indptr[1:])
    return indptr, (pairs % n).astype(np.int32), data


def _components(i: Int64s, j: Int64s, n: int) -> Int64s:
    pattern = coo_array((np.ones(len(i)), (i, j)), shape=(n, n)).tocsr()
    pattern.sum_duplicates()
    parts = (pattern.indptr.astype(np.int64), pattern.indices.astype(np.int32), pattern.data)
    return strong_components(Matrix(*parts))[0]


def _dense(record: Any, core: Int64s) -> tuple[Floats, Floats, Floats]:
    """What the walk on the core alone looks like: the three parts of S, each (core, core)."""
    ends, columns, values, loops = record[6:]
    number = np.full(len(loops), -1, np.int64)
    number[core] = np.arange(len(core))
    parts = np.zeros((3, len(core), len(core)))
    for at, state in enumerate(core.tolist()):
        first, end = ends[state]
        parts[:, at, number[columns[first:end]]] = values[first:end].T
        parts[:, at, at] = loops[state]
    return parts[0], parts[1], parts[2]


def _inverse(low: Any, high: Any, signed: bool, c: float) -> tuple[Floats, Floats, Floats, Floats]:
    """The inverse of the core in its three parts, and (3, core) bounds on errors by column.

    The bound on a residual covers rounding of its products (sums of as many terms as the core has
    states) and the width of the enclosure of S.
    """
    a, b, d = (0.5 * (one + other) for one, other in zip(low, high, strict=True))
    size = len(a)
    width = max((_width(one, other) for one, other in zip(low, high, strict=True)), default=0.0)
    slack = (2 * size + 16) * _EPS + width
    unit = np.eye(size)
    in_trust = np.linalg.inv(unit - a)
    errors = np.zeros((3, size))
    errors[0] = _residual(in_trust, unit + a @ in_trust, slack) / (1.0 - c)
    if not signed:
        none = np.zeros((0, 0))
        return in_trust, none, none, errors
    in_distrust = np.linalg.inv(unit - d)
    crossed = b @ in_distrust
    crossing = in_trust @ crossed
    below = _residual(in_distrust, unit + d @ in_distrust, slack)
    above = _residual(crossing, crossed + a @ crossing, slack)
    largest = np.maximum(below, above + slack * in_distrust.max(axis=0, initial=0.0))
    errors[1] = errors[2] = largest / (1.0 - c)
    return in_trust, crossing, in_distrust, errors


def _width(low: Floats, high: Floats) -> float:
    """The largest relative distance."""
    return float(np.max((high - low) / np.maximum(high, 1e-300), initial=0.0))


def _residual(inverse: Floats, recomputed: Floats, slack: float) -> Floats:
    """The largest residual of each column, with what rounding may hide."""
    largest = np.abs(recomputed - inverse).max(axis=0, initial=0.0)
    bound: Floats = largest + slack * (1.0 + np.abs(inverse).max(axis=0, initial=0.0))
    return bound


@njit(cache=True)  # type: ignore[untyped-decorator]
def _back(
    order: Int32s,
    start: Int64s,
    neighbours: Int32s,
    outward: Triples,
    inward: Triples,
    pivots: Triples,
    number: Int64s,
    trust: Floats,
    crossing: Floats,
    distrust: Floats,
    errors: Floats,
    sign: float,
    factor: float,
) -> Triples:
    """The diagonal (n, 3) at one end of its enclosure: the lower for ``sign`` −1, the upper for 1.

    ``number`` is a state's number in the core, −1 for the eliminated.
    """
    n = len(number)
    diagonal = np.empty((n, 3))
    for i in range(n):
        if number[i] >= 0:
            _of_core(number[i], number[i], trust, crossing, distrust, errors, sign, diagonal[i])
    record = np.full(n, -1, np.int64)
    record[order] = np.arange(len(order))
    to, back = np.empty_like(outward), np.empty_like(inward)  # G_kj and G_jk
    widest = 0
    for k in range(len(order)):
        widest = max(widest, start[k + 1] - start[k])
    among = np.empty((widest, widest, 3))
    for k in range(len(order) - 1, -1, -1):
        first, size = start[k], start[k + 1] - start[k]
        around = neighbours[first : first + size]
        for r in range(size):
            i = around[r]
            among[r, r] = diagonal[i]
            if number[i] < 0:
                later = slice(start[record[i]], start[record[i] + 1])
                _recorded(r, around, neighbours[later], to[later], back[later], among)
                continue
            for s in range(size):
                j = number[around[s]]
                if j >= 0:
                    out = among[r, s]
                    _of_core(number[i], j, trust, crossing, distrust, errors, sign, out)
        row, column, own = np.empty(3), np.empty(3), np.zeros(3)
        for s in range(size):
            row[:], column[:] = 0.0, 0.0
            for r in range(size):
                add(row, outward[first + r], among[r, s], factor)
                add(column, among[s, r], inward[first + r], factor)
            to[first + s], back[first + s] = 0.0, 0.0
            add(to[first + s], pivots[k], row, factor)
            add(back[first + s], column, pivots[k], factor)
        for s in range(size):
            add(own, outward[first + s], back[first + s], factor)
        diagonal[order[k]] = pivots[k]
        add(diagonal[order[k]], pivots[k], own, factor)
    return diagonal


@njit(cache=True)  # type: ignore[untyped-decorator]
def _recorded(
    r: int, around: Int32s, later: Int32s, to: Triples, back: Triples, among: Triples
) -> None:
    """Entries between ``around[r]``, which was eliminated, and its later neighbours."""
    s = 0
    for e in range(len(later)):
        while s < len(around) and around[s] < later[e]:
            s += 1
        if s < len(around) and around[s] == later[e]:
            among[r, s], among[s, r] = to[e], back[e]


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def _of_core(
    i: int,
    j: int,
    trust: Floats,
    crossing: Floats,
    distrust: Floats,
    errors: Floats,
    sign: float,
    out: Any,
) -> None:
    """An entry of the core's inverse at one end of its enclosure."""
    out[0] = max(trust[i, j] + sign * errors[0, j], 0.0)
    if len(crossing):
        out[1] = max(crossing[i, j] + sign * errors[1, j], 0.0)
        out[2] = max(distrust[i, j] + sign * errors[2, j], 0.0)
    else:
        out[1], out[2] = 0.0, 1.0 if i == j else 0.0
