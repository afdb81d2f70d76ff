"""The walk as a matrix: step probabilities in canonical order, signed walks on doubled states.

A walk on an unsigned graph has one state per node. On a signed graph state ``j`` is "at node j, in
trust" and state ``n + j`` "at node j, in distrust", and the step matrix is::

    C = [ P⁺  N ]      P⁺ = w⁺ / Σ|w|   (a positive edge: trust goes on)
        [ 0   P̃ ]      N  = w⁻ / Σ|w|   (a negative edge: from here on, distrust)
                       P̃  = w⁺ / Σw⁺    (distrust goes on over positive edges only)

Rows of nodes without such edges are zero: there the walk ends. So every quantity of the signed walk
is one of the unsigned walk on C.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_array

from reputation.graph import TrustGraph
from reputation.rows import Floats, Int32s, Int64s


@dataclass(frozen=True)
class Matrix:
    """A sparse matrix of probabilities in CSR: ``indptr`` (rows + 1,), ``indices`` and ``data``."""

    indptr: Int64s
    indices: Int32s
    data: Floats

    @property
    def rows(self) -> int:
        """How many rows (and columns) there are."""
        return len(self.indptr) - 1

    def transposed(self) -> "Matrix":
        """The transpose; entries of a row stay in ascending order."""
        shape = (self.rows, self.rows)
        turned = csr_array((self.data, self.indices, self.indptr), shape=shape).tocsc()
        return Matrix(turned.indptr.astype(np.int64), turned.indices.astype(np.int32), turned.data)


@dataclass(frozen=True)
class Transitions:
    """The step matrix of a graph.

    Nodes are in canonical order (sorted by key), not in order of arrival, so that the same edges
    give the same floating-point operations in the same order.
    """

    order: Int64s  # canonical position → row number in the graph
    position: Int64s  # row number in the graph → canonical position
    out: Matrix  # C, by source
    signed: bool

    @property
    def n(self) -> int:
        """How many nodes there are; states are n, or 2n if signed."""
        return len(self.order)

    @cached_property
    def into(self) -> Matrix:
        """Cᵀ: row j holds the states that step to j."""
        return self.out.transposed()

    @cached_property
    def rounding(self) -> float:
        """A bound on relative rounding in one application of C (longest sum + division)."""
        longest = max(int(np.diff(m.indptr).max(initial=0)) for m in (self.out, self.into))
        return (2 * longest + 16) * float(np.finfo(np.float64).eps)


def compile_transitions(graph: TrustGraph, gamma: float = 0.0) -> Transitions:
    """The step matrix of ``graph``, with epoch decay ``gamma``.

    An edge that is ``a`` epochs older than the newest edge of its row weighs w·(1−γ)^a. Measuring
    age within the row gives the same probabilities as measuring it from the newest edge of all,
    since a common factor of a row cancels, and does not underflow.
    """
    order = graph.node_index.canonical()
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    indptr, dst, weight, epoch = graph.rows.packed()
    if gamma:
        weight = weight * (1.0 - gamma) ** row_ages(indptr, epoch)
    dst = position[dst].astype(np.int32)
    if not np.array_equal(order, np.arange(len(order))):
        counts = np.diff(indptr)[order]
        starts = indptr[:-1][order]
        indptr = np.zeros(len(order) + 1, np.int64)
        np.cumsum(counts, out=indptr[1:])
        where = np.arange(len(dst)) + np.repeat(starts - indptr[:-1], counts)
        dst, weight = dst[where], weight[where]
    signed = bool((weight < 0).any())
    if signed:
        out = _signed_matrix(indptr, dst, weight)
    else:
        out = Matrix(indptr, dst, _normalised(indptr, weight))
    return Transitions(order, position, out, signed)


def row_ages(indptr: Int64s, epoch: Int32s) -> Int64s:
    """How many epochs each edge is older than the newest of its row; shape (m,)."""
    counts = np.diff(indptr)
    filled = counts > 0
    newest = np.maximum.reduceat(epoch, indptr[:-1][filled]) if filled.any() else epoch
    return np.repeat(newest, counts[filled]).astype(np.int64) - epoch


def _signed_matrix(indptr: Int64s, dst: Int32s, weight: Floats) -> Matrix:
    n = len(indptr) - 1
    trust = _normalised(indptr, np.abs(weight))
    positive = weight > 0
    kept = np.zeros(len(indptr), np.int64)
    np.cumsum(np.bincount(_sources(indptr)[positive], minlength=n), out=kept[1:])
    distrust = _normalised(kept, weight[positive])
    return Matrix(
        np.concatenate([indptr, indptr[-1] + kept[1:]]),
        np.concatenate([np.where(positive, dst, dst + n), dst[positive] + n]).astype(np.int32),
        np.concatenate([trust, distrust]),
    )


def _sources(indptr: Int64s) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


@njit(cache=True)  # type: ignore[untyped-decorator]
def _normalised(indptr: Int64s, weight: Floats) -> Floats:
    """Each row divided by its sum, scaled by its maximum first so that the sum cannot overflow."""
    out = np.zeros_like(weight)
    for i in range(len(indptr) - 1):
        largest = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            largest = max(largest, weight[e])
        if largest > 0.0:
            total = 0.0
            for e in range(indptr[i], indptr[i + 1]):
                total += weight[e] / largest
            for e in range(indptr[i], indptr[i + 1]):
                out[e] = weight[e] / largest / total
    return out
