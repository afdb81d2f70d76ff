"""Integer alias tables: one draw, one 16-byte record, one step (Walker 1977, Vose 1991).

Row masses are integers that sum to exactly slots·2ᵏ, so a table is a pure function of its row: the
same on any machine. A record holds a threshold (uint64) and two targets (32 bits each; the top bit
marks a negative edge): the coin's 64 bits below the threshold choose the first target, else the
second.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from reputation.graph import TrustGraph
from reputation.rows import Floats, Int32s, Int64s

Records = NDArray[np.uint64]  # (edges in the pool, 2)

NEGATIVE = np.uint64(1 << 31)
_S32 = np.uint64(32)
_FEW_ROWS = 64


class StepTables:
    """Alias tables for all rows of a graph, at the rows' places in its pool.

    ``heads[i]`` (n, 2) holds start and number of slots of row i; ``records`` the slots. The fields
    ``after_heads`` and ``after_records`` are those of a walk that has taken a negative edge, over
    positive edges only; empty while the graph has no negative edge.
    """

    def __init__(self, graph: TrustGraph, gamma: float) -> None:
        self._graph = graph
        self._gamma = gamma
        self._pool = graph.rows
        self._build(signed=graph.signed)

    def _build(self, signed: bool) -> None:
        n, size = len(self._graph), len(self._pool.dst)
        self.signed = signed
        self.heads: Int64s = np.zeros((n, 2), np.int64)
        self.records: Records = np.empty((size, 2), np.uint64)
        self.after_heads: Int64s = np.zeros((n if signed else 0, 2), np.int64)
        self.after_records: Records = np.empty((size if signed else 0, 2), np.uint64)
        self._outdated: list[int] = []
        self._fill(np.arange(len(self._pool.count)), _fill_tables)

    def outdate(self, rows: list[int]) -> None:
        """Note that rows have changed; :meth:`refresh` rebuilds their tables."""
        self._outdated += rows

    def refresh(self) -> None:
        """Rebuild the tables of the rows that have changed."""
        if not self._outdated:
            return
        pool, n = self._graph.rows, len(self._graph)
        rows = self._outdated
        self._outdated = []
        newly_signed = not self.signed and any((pool.row(i).weight < 0).any() for i in rows)
        if pool is not self._pool or newly_signed:
            self._pool = pool
            self._build(signed=self._graph.signed)
            return
        self.heads = _at_least(self.heads, n)
        self.records = _at_least(self.records, len(pool.dst))
        if self.signed:
            self.after_heads = _at_least(self.after_heads, n)
            self.after_records = _at_least(self.after_records, len(pool.dst))
        # A thread costs more than it saves for a few rows.
        self._fill(np.array(rows), _fill_tables if len(rows) > _FEW_ROWS else _fill_few)

    def _fill(self, rows: Int64s, fill: Callable[..., None]) -> None:
        pool = self._pool
        parts = (rows, pool.start, pool.count, pool.dst, pool.weight, pool.epoch)
        fill(*parts, self._gamma, False, self.heads, self.records)
        if self.signed:
            fill(*parts, self._gamma, True, self.after_heads, self.after_records)


def _at_least(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """``array`` with at least ``rows`` rows, doubling when it must grow."""
    if len(array) >= rows:
        return array
    longer = np.zeros((max(rows, 2 * len(array)), 2), array.dtype)
    longer[: len(array)] = array
    return longer


@njit(cache=True, parallel=True)  # type: ignore[untyped-decorator]
def _fill_tables(
    rows: Int64s,
    start: Int64s,
    count: Int32s,
    dst: Int32s,
    weight: Floats,
    epoch: Int32s,
    gamma: float,
    positive_only: bool,
    heads: Int64s,
    records: Records,
) -> None:
    for at in prange(len(rows)):
        first = start[rows[at]]
        row = slice(first, first + count[rows[at]])
        heads[rows[at], 0] = first
        heads[rows[at], 1] = _fill_one(
            dst[row], weight[row], epoch[row], gamma, positive_only, records[row]
        )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _fill_few(
    rows: Int64s,
    start: Int64s,
    count: Int32s,
    dst: Int32s,
    weight: Floats,
    epoch: Int32s,
    gamma: float,
    positive_only: bool,
    heads: Int64s,
    records: Records,
) -> None:
    for i in rows:
        row = slice(start[i], start[i] + count[i])
        heads[i, 0] = start[i]
        heads[i, 1] = _fill_one(
            dst[row], weight[row], epoch[row], gamma, positive_only, records[row]
        )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _fill_one(
    dst: Int32s, weight: Floats, epoch: Int32s, gamma: float, positive_only: bool, records: Records
) -> int:
    """The table of one row; returns how many slots it has."""
    targets = np.empty(len(dst), np.uint64)
    shares = np.empty(len(dst), np.float64)
    newest = epoch[0] if len(dst) else 0
    for e in range(len(dst)):
        newest = max(newest, epoch[e])
    slots = 0
    for e in range(len(dst)):
        if positive_only and weight[e] < 0.0:
            continue
        targets[slots] = np.uint64(dst[e]) | (NEGATIVE if weight[e] < 0.0 else np.uint64(0))
        age = np.int64(newest) - np.int64(epoch[e])
        shares[slots] = abs(weight[e]) * ((1.0 - gamma) ** age if gamma > 0.0 else 1.0)
        slots += 1
    if slots:
        fill_row(targets[:slots], shares[:slots], records[:slots])
    return slots


@njit(cache=True)  # type: ignore[untyped-decorator]
def fill_row(targets: Records, shares: Floats, records: Records) -> None:
    """The table of one row: ``targets`` with probabilities in proportion to ``shares``."""
    slots = len(targets)
    bits = 62
    while (slots >> (62 - bits)) > 0:  # slots · 2**bits must stay below 2**63
        bits -= 1
    mass = integer_masses(shares, bits)
    full = np.int64(1) << bits
    light, heavy = np.empty(slots, np.int64), np.empty(slots, np.int64)
    lights = heavies = 0
    for k in range(slots):
        if mass[k] < full:
            light[lights] = k
            lights += 1
        else:
            heavy[heavies] = k
            heavies += 1
    while lights:
        lights -= 1
        k, donor = light[lights], heavy[heavies - 1]
        records[k, 0] = np.uint64(mass[k]) << np.uint64(64 - bits)
        records[k, 1] = targets[k] | (targets[donor] << _S32)
        mass[donor] -= full - mass[k]
        if mass[donor] < full:
            heavies -= 1
            light[lights] = donor
            lights += 1
    for at in range(heavies):
        k = heavy[at]  # exactly full: both targets are its own
        records[k, 0] = np.uint64(0)
        records[k, 1] = targets[k] | (targets[k] << _S32)


@njit(cache=True)  # type: ignore[untyped-decorator]
def integer_masses(shares: Floats, bits: int) -> Int64s:
    """Integers in proportion to ``shares`` that sum to exactly len·2**bits.

    Rounded down; the largest takes what is left, less than 2⁻⁵² of the whole per slot.
    """
    largest = 0
    total = 0.0
    for k in range(len(shares)):
        if shares[k] > shares[largest]:
            largest = k
    for k in range(len(shares)):
        total += shares[k] / shares[largest]
    whole = np.int64(len(shares)) << bits
    mass = np.empty(len(shares), np.int64)
    rest = whole
    for k in range(len(shares)):
        mass[k] = np.int64(shares[k] / shares[largest] / total * np.float64(whole))
        rest -= mass[k]
    mass[largest] += rest
    return mass
