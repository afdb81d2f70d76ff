"""Solving with I − cC by power iteration, several columns at a time, with a certificate.

To solve (I − cM) x = b, iterate the residual r ← cM r and add up. Two accelerations, one principle:
what is left over is measured, so a step is only taken if it helps, and the result is certified
however it was found. After two steps r₂ = c²M²r₀; if r₂ ≈ ρ r₀, the tail of the series is close to
(r₀ + r₁)/(1 − ρ), which leaves the residual (r₂ − ρ r₀)/(1 − ρ) (Aitken extrapolation over two
steps, after Kamvar et al. 2003, *Extrapolation methods for accelerating PageRank computations*; two
steps, since bipartite graphs have the eigenvalues ±1). It is taken if that residual is smaller
than r₂.

Columns never meet: each column's operations are the same whatever shares the block and on however
many threads, so results are bit-identical.
"""

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import njit, prange

from reputation.rows import Floats, Int32s, Int64s
from reputation.transitions import Matrix, Transitions

_GAIN = 0.7  # extrapolate only if the residual falls below this share
WIDTH = 16  # columns per block of the diagonal: two cache lines per row


Lanes = tuple[int, ...]
"""As many zeros as a block has columns: a tuple's length is known to the compiler, so that the
inner loops unroll."""

_ONE, _EIGHT, _SIXTEEN = (0,), (0,) * 8, (0,) * WIDTH


@njit(cache=True)  # type: ignore[untyped-decorator]
def _step(
    indptr: Int64s, indices: Any, data: Floats, c: float, a: Floats, b: Floats, lanes: Lanes
) -> None:
    """Set b to cM a."""
    total = np.empty(len(lanes))
    for i in range(a.shape[0]):
        for k in range(len(lanes)):
            total[k] = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            j = indices[e]
            p = data[e]
            for k in range(len(lanes)):
                total[k] += p * a[j, k]
        for k in range(len(lanes)):
            b[i, k] = c * total[k]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _norms(a: Floats, b: Floats, ratio: Floats, largest: bool, out: Floats, lanes: Lanes) -> None:
    """The norm of each column of a − ratio·b: its largest entry, or the sum."""
    out[:] = 0.0
    for i in range(a.shape[0]):
        for k in range(len(lanes)):
            size = abs(a[i, k] - ratio[k] * b[i, k])
            out[k] = max(out[k], size) if largest else out[k] + size


@njit(cache=True)  # type: ignore[untyped-decorator]
def _advance(
    r0: Floats, r1: Floats, r2: Floats, ratio: Floats, done: Any, x: Floats, lanes: Lanes
) -> None:
    """Add (r₀ + r₁)/(1 − ratio) to x, if it has rows, and make the new residual r₀."""
    gain = 1.0 / (1.0 - ratio)
    added = np.where(done, 0.0, gain)
    for i in range(x.shape[0]):
        for k in range(len(lanes)):
            x[i, k] += added[k] * (r0[i, k] + r1[i, k])
    for i in range(r0.shape[0]):
        for k in range(len(lanes)):
            r0[i, k] = gain[k] * (r2[i, k] - ratio[k] * r0[i, k])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _solve(
    indptr: Int64s,
    indices: Any,
    data: Floats,
    c: float,
    at: Int64s,
    partner: Int64s,
    largest: bool,
    tolerance: float,
    max_steps: int,
    x: Floats,
    entries: Floats,
    lanes: Lanes,
) -> None:
    """Solve for unit vectors at ``at``, at most as many as ``lanes``.

    Fills ``x`` (rows, lanes) unless it is empty, and ``entries`` (len(at), 4): x[at], x[partner],
    the norm of the residual (``largest`` entry or sum), and the sum of all residuals' norms, which
    rounding errors scale with.
    """
    n, width = len(indptr) - 1, len(lanes)
    r0, r1, r2 = np.zeros((n, width)), np.empty((n, width)), np.empty((n, width))
    before, after, left = np.zeros(width), np.zeros(width), np.zeros(width)
    none, ratio = np.zeros(width), np.zeros(width)
    done = np.ones(width, np.bool_)
    done[: len(at)] = False
    for k in range(len(at)):
        r0[at[k], k] = before[k] = 1.0
        entries[k, :] = 0.0
    for _ in range(max_steps):
        _step(indptr, indices, data, c, r0, r1, lanes)
        _step(indptr, indices, data, c, r1, r2, lanes)
        _norms(r2, r2, none, largest, after, lanes)
        for k in range(width):
            ratio[k] = after[k] / before[k] if before[k] > 0.0 else 0.0
        _norms(r2, r0, ratio, largest, left, lanes)
        ratio[left > _GAIN * (1.0 - ratio) * after] = 0.0
        ratio[ratio >= 1.0] = 0.0
        for k in range(len(at)):
            if not done[k]:
                gain = 1.0 / (1.0 - ratio[k])
                entries[k, 0] += gain * (r0[at[k], k] + r1[at[k], k])
                entries[k, 1] += gain * (r0[partner[k], k] + r1[partner[k], k])
                entries[k, 2] = gain * left[k] if ratio[k] else after[k]
                entries[k, 3] += gain * (2.0 * before[k] + after[k])
        _advance(r0, r1, r2, ratio, done, x, lanes)
        before[:] = np.where(ratio > 0.0, left / (1.0 - ratio), after)
        done |= before <= tolerance
        if done.all():
            return


@dataclass(frozen=True)
class Rows:
    """Rows of G = (I − cC)⁻¹, with certificates."""

    x: Floats  # (len(sources), states): G(source, ·)
    error: Floats  # (len(sources),): ‖e_source − x(I − cC)‖₁ with rounding: bounds |Δx_j|/G(j,j)


def solve_rows(transitions: Transitions, c: float, sources: Int64s, tolerance: float) -> Rows:
    """G(source, ·) for each source, by solving with the transpose.

    With r the residual, the error is rG, and |(rG)_j| ≤ ‖r‖₁ G(j,j), since G(i,j) ≤ G(j,j). So
    ``error`` bounds the error of the hitting probability x_j / G(j,j) at every j alike.
    """
    into = transitions.into
    width = 1 if len(sources) == 1 else 8
    lanes = _ONE if width == 1 else _EIGHT
    x = np.zeros((len(sources), into.rows))
    error = np.empty(len(sources))
    for first in range(0, len(sources), width):
        block = sources[first : first + width]
        columns, entries = np.zeros((into.rows, width)), np.zeros((width, 4))
        _solve(
            *_parts(into), c, block, block, False, tolerance, _steps(c, tolerance),
            columns, entries, lanes,
        )  # fmt: skip
        x[first : first + width] = columns.T[: len(block)]
        kept = entries[: len(block)]
        error[first : first + width] = kept[:, 2] + transitions.rounding * kept[:, 3]
    return Rows(x, error)


@dataclass(frozen=True)
class Columns:
    """Entries of columns of G, with certificates."""

    own: Floats  # (len(targets),): G(target, target)
    partner: Floats  # (len(targets),): G(partner, target)
    error: Floats  # (len(targets),): bounds the error of both


def solve_columns(
    blocks: "Blocks", c: float, partners: Int64s, tolerance: float, rounding: float
) -> Columns:
    """G(target, target) and G(partner, target) for each target, over all threads.

    With s the residual of a column, the error is Gs, and |(Gs)_i| ≤ max|s| / (1 − c), since the
    rows of G sum to at most 1/(1 − c). Memory: 3 blocks of 16 columns per thread.
    """
    entries = np.zeros((len(blocks.targets), 4))
    limit = tolerance * (1.0 - c)
    _in_blocks(
        *_parts(blocks.matrix), c, blocks.bounds, blocks.targets, partners, limit,
        _steps(c, limit), entries, numba.get_num_threads(), _SIXTEEN,
    )  # fmt: skip
    error = (entries[:, 2] + rounding * entries[:, 3]) / (1.0 - c)
    return Columns(entries[:, 0], entries[:, 1], error)


@dataclass(frozen=True)
class Blocks:
    """Targets in blocks of up to 16, each block with the stretch of rows its columns live on."""

    matrix: Matrix  # column indices count from the start of the row's stretch
    targets: Int64s  # likewise
    bounds: Int64s  # (blocks, 4): first and end row, first and end target


def whole(out: Matrix, targets: Int64s) -> Blocks:
    """Blocks over all rows."""
    first = np.arange(0, len(targets), WIDTH)
    end = np.minimum(first + WIDTH, len(targets))
    rows = (np.zeros_like(first), np.full_like(first, out.rows))
    return Blocks(out, targets, np.stack([*rows, first, end], axis=1))


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def _in_blocks(
    indptr: Int64s,
    indices: Any,
    data: Floats,
    c: float,
    bounds: Int64s,
    targets: Int64s,
    partners: Int64s,
    limit: float,
    max_steps: int,
    entries: Floats,
    threads: int,
    lanes: Lanes,
) -> None:
    unused = np.empty((0, len(lanes)))
    for thread in prange(threads):
        for b in range(thread, len(bounds), threads):
            row, last_row, first, end = bounds[b]
            _solve(
                indptr[row : last_row + 1], indices, data, c, targets[first:end],
                partners[first:end], True, limit, max_steps, unused, entries[first:end], lanes,
            )  # fmt: skip


def _parts(matrix: Matrix) -> tuple[Int64s, Int32s, Floats]:
    return matrix.indptr, matrix.indices, matrix.data


def _steps(c: float, tolerance: float) -> int:
    """Double steps after which plain iteration is within tolerance; a few more for rounding."""
    return 4 + (0 if c == 0.0 else math.ceil(math.log(tolerance) / (2.0 * math.log(c))))
