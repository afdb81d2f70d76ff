"""Eliminating the states with few neighbours from a walk, exactly, until a small core is left.

Leaving state k out of a walk adds to each step i → j the ways that pass through k::

    p_ij += p_ik (1 − p_kk)⁻¹ p_kj

(the stochastic complement; Meyer 1989). Least degree first fills in least (Tinney and Walker 1967).
Afterwards, with the inverse known on what is left, entries of the inverse on the eliminated pattern
follow from those of their later neighbours R, backwards (selected inversion; Takahashi, Fagan and
Chin 1973)::

    G_kj = (1 − p_kk)⁻¹ Σ_i p_ki G_ij      G_ik = Σ_j G_ij p_jk (1 − p_kk)⁻¹      i, j in R
    G_kk = (1 − p_kk)⁻¹ + (1 − p_kk)⁻¹ Σ_j p_kj G_jk

Each entry is an upper triangular matrix [a b; 0 d] of walks in trust, from trust to distrust, and
in distrust, kept as three numbers; on an unsigned graph b = d = 0. Nothing is ever subtracted but
from 1 in the pivot, which stays above 1 − c: so every number grows with every other, and running
with each operation's result scaled by 1 − 2⁻⁵⁰ and by 1 + 2⁻⁵⁰ encloses the exact one.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from reputation.rows import Floats, Int32s, Int64s

Triples = NDArray[np.float64]
"""(…, 3): the entries a, b, d."""

MARGIN = 2.0**-50  # covers the roundings of one triangular multiply-and-add


@njit(cache=True, inline="always")  # type: ignore[untyped-decorator]
def add(to: Any, x: Any, y: Any, factor: float) -> None:
    """To = factor · (to + x y)."""
    to[0] = factor * (to[0] + x[0] * y[0])
    to[1] = factor * (to[1] + (x[0] * y[1] + x[1] * y[2]))
    to[2] = factor * (to[2] + x[2] * y[2])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _place(columns: Int32s, first: int, end: int, wanted: int) -> int:
    """Where ``wanted`` is in ``columns[first:end]``, which ascends and holds it."""
    while end - first > 1:
        middle = (first + end) // 2
        if columns[middle] <= wanted:
            first = middle
        else:
            end = middle
    return first


@njit(cache=True)  # type: ignore[untyped-decorator]
def _pivot(loop: Any, out: Any, factor: float) -> None:
    """Out = (1 − loop)⁻¹."""
    out[0] = factor / (1.0 - loop[0])
    out[2] = factor / (1.0 - loop[2])
    out[1] = factor * (out[0] * loop[1] * out[2])


@njit(cache=True)  # type: ignore[untyped-decorator]
def eliminate(  # noqa: PLR0915
    indptr: Int64s, indices: Int32s, data: Triples, most: int, factor: float
) -> tuple[Int32s, Int64s, Int32s, Triples, Triples, Triples, Int64s, Int32s, Triples, Triples]:
    """Eliminate states of up to ``most`` neighbours, those of fewest first; the rest is the core.

    The matrix is given in rows (``indptr``, ``indices``, ``data``) of symmetric pattern, without a
    diagonal, columns ascending; ``factor`` is 1 ± :data:`MARGIN`. Returned are the order (e,) of
    the eliminated; for each, at ``start[k]:start[k+1]``, its later neighbours with the steps to
    them and from them; its (1 − p_kk)⁻¹ (e, 3); and of the core rows by state: ends (n, 2),
    columns, data, and loops (n, 3).
    """
    n = len(indptr) - 1
    begin, count = indptr[:-1].copy(), np.diff(indptr)
    room = count.copy()
    columns, values = indices.copy(), data.copy()
    used = len(columns)
    loops = np.zeros((n, 3))
    head = np.full(most + 1, -1, np.int64)
    following, previous = np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    for i in range(n - 1, -1, -1):
        _enlist(i, count[i], most, head, following, previous)
    order = np.empty(n, np.int32)
    start = np.zeros(n + 1, np.int64)
    neighbours = np.empty(max(64, len(columns)), np.int32)
    outward, inward = np.empty((len(neighbours), 3)), np.empty((len(neighbours), 3))
    pivots = np.empty((n, 3))
    merged, merged_values = np.empty(n, np.int32), np.empty((n, 3))
    way = np.empty(3)
    done = degree = 0
    while degree <= most:
        if head[degree] < 0:
            degree += 1
            continue
        k = head[degree]
        _delist(k, degree, head, following, previous)
        first, size = start[done], count[k]
        while first + size > len(neighbours):
            neighbours = _longer(neighbours)
            outward, inward = _longer_rows(outward), _longer_rows(inward)
        neighbours[first : first + size] = columns[begin[k] : begin[k] + size]
        outward[first : first + size] = values[begin[k] : begin[k] + size]
        _pivot(loops[k], pivots[done], factor)
        for r in range(first, first + size):
            i = neighbours[r]
            at = _place(columns, begin[i], begin[i] + count[i], k)
            inward[r] = values[at]
            way[:] = 0.0
            add(way, inward[r], pivots[done], factor)
            row = slice(begin[i], begin[i] + count[i])
            length = _merge(
                i, k, columns[row], values[row], neighbours[first : first + size],
                outward[first : first + size], way, factor, loops[i], merged, merged_values,
            )  # fmt: skip
            _delist(i, min(count[i], most + 1), head, following, previous)
            if length > room[i]:
                room[i] = 2 * length
                while used + room[i] > len(columns):
                    columns, values = _longer(columns), _longer_rows(values)
                begin[i] = used
                used += room[i]
            count[i] = length
            columns[begin[i] : begin[i] + length] = merged[:length]
            values[begin[i] : begin[i] + length] = merged_values[:length]
            _enlist(i, length, most, head, following, previous)
            degree = min(degree, length)
        count[k] = -1
        order[done] = k
        done += 1
        start[done] = first + size
    ends = np.empty((n, 2), np.int64)
    ends[:, 0], ends[:, 1] = begin, begin + count
    last = start[done]
    return (
        order[:done], start[: done + 1], neighbours[:last], outward[:last], inward[:last],
        pivots[:done], ends, columns, values, loops,
    )  # fmt: skip


@njit(cache=True)  # type: ignore[untyped-decorator]
def _merge(
    i: int,
    k: int,
    columns: Int32s,
    values: Triples,
    further: Int32s,
    steps: Triples,
    way: Floats,
    factor: float,
    loop: Floats,
    merged: Int32s,
    merged_values: Triples,
) -> int:
    """Row i without k, and with the steps that go on from k; both in ascending order.

    Returns the row's new length; what comes back to i is added to ``loop``.
    """
    length = e = f = 0
    while e < len(columns) or f < len(further):
        here = columns[e] if e < len(columns) else np.int32(2**31 - 1)
        there = further[f] if f < len(further) else np.int32(2**31 - 1)
        if here == k:
            e += 1
            continue
        if there == i:
            add(loop, way, steps[f], factor)
            f += 1
            continue
        merged[length] = min(here, there)
        if here <= there:
            merged_values[length] = values[e]
            e += 1
        else:
            merged_values[length] = 0.0
        if there <= here:
            add(merged_values[length], way, steps[f], factor)
            f += 1
        length += 1
    return length


@njit(cache=True)  # type: ignore[untyped-decorator]
def _enlist(
    i: int, degree: int, most: int, head: Int64s, following: Int64s, previous: Int64s
) -> None:
    if degree > most:
        return
    previous[i], following[i] = -1, head[degree]
    if head[degree] >= 0:
        previous[head[degree]] = i
    head[degree] = i


@njit(cache=True)  # type: ignore[untyped-decorator]
def _delist(i: int, degree: int, head: Int64s, following: Int64s, previous: Int64s) -> None:
    if degree >= len(head):
        return
    if previous[i] >= 0:
        following[previous[i]] = following[i]
    else:
        head[degree] = following[i]
    if following[i] >= 0:
        previous[following[i]] = previous[i]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _longer(array: Int32s) -> Int32s:
    longer = np.empty(2 * len(array), np.int32)
    longer[: len(array)] = array
    return longer


@njit(cache=True)  # type: ignore[untyped-decorator]
def _longer_rows(array: Triples) -> Triples:
    longer = np.empty((2 * len(array), 3))
    longer[: len(array)] = array
    return longer
