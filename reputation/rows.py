"""Compressed sparse rows that can be edited: every row has a stretch of a shared pool, with room.

A row that outgrows its stretch moves to the end of the pool with twice the room, so that an edit
costs time in proportion to its row and not to the graph. Bulk loading leaves no gaps: then the pool
*is* the usual CSR.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]

ANY_EPOCH = -(2**31)  # marks an edge given without an epoch


@dataclass
class Row:
    """The edges of one node, sorted by (key of dst, epoch)."""

    dst: Int32s
    weight: Floats
    epoch: Int32s


class RowPool:
    """Rows of (dst: int32, weight: float64, epoch: int32): 16 bytes per edge, 20 per node."""

    def __init__(self, counts: Int64s, dst: Int32s, weight: Floats, epoch: Int32s) -> None:
        """Take packed rows: ``counts`` (n,) edges per row, then the edges of all rows in order."""
        self.count = counts.astype(np.int32)
        self._room = self.count.copy()
        self.start = np.zeros(len(counts), np.int64)
        np.cumsum(counts[:-1], out=self.start[1:])
        self.dst, self.weight, self.epoch = dst, weight, epoch
        self._used = len(dst)
        self.edges = len(dst)

    def grow(self, nodes: int) -> None:
        """Add empty rows until there are ``nodes``."""
        extra = nodes - len(self.count)
        if extra > 0:
            self.start = np.concatenate([self.start, np.zeros(extra, np.int64)])
            self.count = np.concatenate([self.count, np.zeros(extra, np.int32)])
            self._room = np.concatenate([self._room, np.zeros(extra, np.int32)])

    def row(self, i: int) -> Row:
        """A view of row ``i``."""
        where = slice(self.start[i], self.start[i] + self.count[i])
        return Row(self.dst[where], self.weight[where], self.epoch[where])

    def replace(self, i: int, row: Row) -> None:
        """Make ``row`` the new row ``i``."""
        size = len(row.dst)
        self.edges += size - int(self.count[i])
        if size > self._room[i]:
            self._move(i, 2 * size)
        self.count[i] = size
        self._fill(i, row)

    def put(self, i: int, j: int, weight: float, epoch: int, keys: NDArray[np.uint64]) -> None:
        """Set, add or (weight zero) remove one edge; ``epoch`` may be :data:`ANY_EPOCH`."""
        size = int(self.count[i])
        if size == self._room[i]:
            row = self.row(i)
            self._move(i, 2 * size + 2)
            self._fill(i, row)
        start = int(self.start[i])
        self.count[i] = _put(
            self.dst[start : start + size + 1], self.weight[start : start + size + 1],
            self.epoch[start : start + size + 1], keys, j, weight, epoch,
        )  # fmt: skip
        self.edges += int(self.count[i]) - size

    def _fill(self, i: int, row: Row) -> None:
        where = slice(self.start[i], self.start[i] + len(row.dst))
        self.dst[where], self.weight[where], self.epoch[where] = row.dst, row.weight, row.epoch

    def _move(self, i: int, room: int) -> None:
        if self._used + room > len(self.dst):
            size = max(2 * len(self.dst), self._used + room)
            self.dst = _extended(self.dst, size)
            self.weight = _extended(self.weight, size)
            self.epoch = _extended(self.epoch, size)
        self.start[i], self._room[i] = self._used, room
        self._used += room

    def packed(self) -> tuple[Int64s, Int32s, Floats, Int32s]:
        """``(indptr, dst, weight, epoch)`` without gaps: views if there are none, else copies."""
        indptr = np.zeros(len(self.count) + 1, np.int64)
        np.cumsum(self.count, out=indptr[1:])
        if np.array_equal(indptr[:-1][self.count > 0], self.start[self.count > 0]):
            end = int(indptr[-1])
            return indptr, self.dst[:end], self.weight[:end], self.epoch[:end]
        where = np.arange(self.edges) + np.repeat(self.start - indptr[:-1], self.count)
        return indptr, self.dst[where], self.weight[where], self.epoch[where]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _put(
    dst: Int32s,
    weight: Floats,
    epoch: Int32s,
    keys: NDArray[np.uint64],
    j: int,
    new_weight: float,
    new_epoch: int,
) -> int:
    """Edit one row in place, whose last element is free; returns how many edges it has then.

    It stays sorted by (key of dst, epoch). Weight zero removes the edge, and without an epoch all
    edges to ``j``.
    """
    size, at = len(dst) - 1, 0
    dated = 0 if new_epoch == ANY_EPOCH else new_epoch
    while at < size and keys[dst[at]] < keys[j]:
        at += 1
    if new_weight == 0.0:
        kept = at
        for e in range(at, size):
            if dst[e] != j or (new_epoch != ANY_EPOCH and epoch[e] != dated):
                dst[kept], weight[kept], epoch[kept] = dst[e], weight[e], epoch[e]
                kept += 1
        return kept
    while at < size and dst[at] == j and epoch[at] < dated:
        at += 1
    if at < size and dst[at] == j and epoch[at] == dated:
        weight[at] = new_weight
        return size
    for e in range(size, at, -1):
        dst[e], weight[e], epoch[e] = dst[e - 1], weight[e - 1], epoch[e - 1]
    dst[at], weight[at], epoch[at] = j, new_weight, dated
    return size + 1


def _extended(array: NDArray[Scalar], size: int) -> NDArray[Scalar]:
    longer = np.empty(size, array.dtype)
    longer[: len(array)] = array
    return longer
