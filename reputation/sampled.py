"""Sampled MeritRank: a set of walks from one ego that can be kept up to date."""

import numpy as np
from numpy.typing import NDArray

from reputation import walks as kernels
from reputation.alias import StepTables
from reputation.errors import ParameterError
from reputation.exact import Kept
from reputation.rows import Floats, Int32s, Int64s
from reputation.scores import Parts

Flags = NDArray[np.bool_]

# Counts are raised by four in standard errors (after the "plus four" rule of Agresti and Coull
# 1998), so that a node that no walk has visited does not claim to be known exactly.
_PLUS = 4.0
_MARGIN = 1.1  # a pilot's variance is itself an estimate
_MOST_STEPS = 2**29
_REINDEX_SHARE = 8  # the index of visitors is rebuilt when one walk in eight has changed


class WalkSet:
    """Walks from one ego under one seed, stored, counted and indexed."""

    def __init__(self, tables: StepTables, ego: int, walks: int, seed: int, alpha: float) -> None:
        if not 1 <= walks < 2**31:
            raise ParameterError(f"walks must be in [1, 2**31), not {walks!r}")
        if walks / alpha > _MOST_STEPS:
            raise ParameterError(
                f"{walks} walks of about {1 / alpha:.0f} steps do not fit; take fewer walks or the "
                "exact method"
            )
        self._tables, self._ego, self._seed = tables, ego, np.uint64(seed % 2**64)
        stop = np.uint64(min(int(alpha * 2**64), 2**64) - 1)
        limits = kernels.walk_limits(self._seed, walks, stop)
        self._offsets = np.zeros(walks + 1, np.int64)
        np.cumsum(limits, out=self._offsets[1:])
        self._entries = np.empty(int(self._offsets[-1]), np.uint32)
        self._lengths = np.zeros(walks, np.int32)
        self._totals: Int64s = np.zeros(2, np.int64)
        self._nodes: Int32s = np.empty(0, np.int32)  # by slot
        self._counts: NDArray[np.int64] = np.zeros((0, 2), np.int64)  # likewise
        self._used = 0  # slots
        self._slots: Int32s = np.full(len(tables.heads), -1, np.int32)  # by node
        self._index: tuple[Int64s, Int32s] | None = None
        self._changed = np.zeros(walks, bool)  # since the index was built
        self._changes: Int64s = np.empty(walks, np.int64)  # which these are
        self._many_changes = 0
        everything = np.arange(walks)
        self._walk(everything)
        self._count(everything)

    @property
    def walks(self) -> int:
        """How many walks there are."""
        return len(self._lengths)

    @property
    def nbytes(self) -> int:
        """Memory held, roughly."""
        return (
            2 * self._entries.nbytes
            + self._offsets.nbytes
            + self._counts.nbytes
            + self._slots.nbytes
        )

    @property
    def steps(self) -> int:
        """How many steps the walks take in all."""
        return int(self._lengths.sum())

    def replay(self, rows: list[int]) -> int:
        """Walk again those walks that visit one of ``rows``; returns how many.

        After it everything is as if walked anew on the changed graph. The step tables of these
        rows are brought up to date only if a walk needs them.
        """
        rows = [row for row in rows if self._visits(row)]
        if not rows:
            return 0
        self._tables.refresh()
        touched = self._touched(rows)
        self._make_room(int((self._offsets[touched + 1] - self._offsets[touched]).sum()))
        tables = self._tables
        self._used = kernels.retake_walks(
            touched, self._ego, self._seed, self._offsets, tables.heads, tables.records,
            tables.after_heads, tables.after_records, self._entries, self._lengths,
            self._slots, self._nodes, self._used, self._counts, self._totals,
        )  # fmt: skip
        new = touched[~self._changed[touched]]
        self._changed[new] = True
        self._changes[self._many_changes : self._many_changes + len(new)] = new
        self._many_changes += len(new)
        if self._many_changes * _REINDEX_SHARE > self.walks:
            self._index = None
        return len(touched)

    def estimate(self, kept: Kept | None) -> Parts:
        """Scores, with standard errors by the delta method for a ratio of means.

        ``kept`` is by row number; ``None`` where nothing decays. Cost: the nodes visited.
        """
        nodes, hits = self._nodes[: self._used], self._counts[: self._used].astype(np.float64)
        total, squares = (float(sum_) for sum_ in self._totals)
        trust, distrust, net, weight, joint = _weighted(hits, nodes, kept)
        if total == 0.0:
            unknown = 0.0 if self._tables.heads[self._ego, 1] == 0 else 1.0
            zeros = np.zeros(len(nodes))
            return Parts(zeros, zeros, zeros, zeros, self.walks, nodes, unknown)
        values = net / total
        variance = np.maximum(weight - 2.0 * values * joint + values**2 * squares, 0.0)
        return Parts(
            values=values,
            trust=trust / self.walks,
            distrust=distrust / self.walks,
            stderr=np.where(nodes == self._ego, 0.0, np.sqrt(variance + _PLUS) / total),
            walks=self.walks,
            where=nodes,
            unvisited_stderr=float(np.sqrt(_PLUS) / total),
        )

    def budget(self, estimate: Parts, error: float) -> int:
        """How many walks bring the largest standard error down to ``error``."""
        total, walks = float(self._totals[0]), self.walks
        if total == 0.0:
            return 1
        # stderr² = (walks · v + plus) / (walks · t)², with v and t per walk
        per_walk = total / walks
        variance = float(np.max((estimate.stderr * total) ** 2) - _PLUS) / walks
        a, b = (error * per_walk) ** 2, _MARGIN * variance
        return int(np.ceil((b + np.sqrt(b * b + 4.0 * a * _PLUS)) / (2.0 * a)))

    def through_one(self, n: int, threshold: float) -> tuple[Flags, Flags]:
        """Whose trust (distrust) is brought, to the share ``threshold``, through one other node.

        Each of shape (n,), for the ``n`` nodes of the graph.
        """
        indptr, walk = kernels.visitors(n, self._offsets, self._entries, self._lengths)
        found = np.zeros((2, n), bool)
        nodes = self._nodes[: self._used]
        for side in range(self._counts.shape[1] // 2):
            most = kernels.busiest_predecessor(
                n, indptr, walk, self._offsets, self._entries, side == 1
            )
            hits = self._counts[: self._used, 2 * side]
            found[side, nodes] = (hits > 0) & (most[nodes] >= threshold * hits)
        return found[0], found[1]

    def _visits(self, row: int) -> bool:
        """Whether any walk steps out of ``row``."""
        if row == self._ego:
            return True
        slot = self._slots[row] if row < len(self._slots) else -1
        return slot >= 0 and bool(self._counts[slot].any())

    def _touched(self, rows: list[int]) -> Int64s:
        if self._ego in rows:
            return np.arange(self.walks)
        if self._index is None or max(rows) >= len(self._index[0]) - 1:
            self._index = kernels.visitors(
                len(self._slots), self._offsets, self._entries, self._lengths
            )
            self._changed[:] = False
            self._many_changes = 0
        changes = self._changes[: self._many_changes]
        walks = (self._changed, changes, self._offsets, self._entries, self._lengths)
        found = [kernels.that_visit_row(row, *self._index, *walks) for row in rows]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def _walk(self, which: Int64s) -> None:
        tables = self._tables
        kernels.take_walks(
            which, self._ego, self._seed, self._offsets, tables.heads, tables.records,
            tables.after_heads, tables.after_records, self._entries, self._lengths,
        )  # fmt: skip

    def _count(self, which: Int64s) -> None:
        self._make_room(int(self._lengths[which].sum()))
        self._used = kernels.count_walks(
            which, 1, self._offsets, self._entries, self._lengths,
            self._slots, self._nodes, self._used, self._counts, self._totals,
        )  # fmt: skip

    def _make_room(self, entries: int) -> None:
        """Make room in the counts for as many nodes, and for distrust once there is any."""
        if len(self._slots) < len(self._tables.heads):
            longer = np.full(len(self._tables.heads), -1, np.int32)
            longer[: len(self._slots)] = self._slots
            self._slots = longer
        rows, columns = self._counts.shape
        width = max(columns, 4 if self._tables.signed else 2)
        if rows < self._used + entries or columns < width:
            counts = np.zeros((2 * self._used + entries, width), np.int64)
            nodes = np.empty(len(counts), np.int32)
            counts[: self._used, :columns] = self._counts[: self._used]
            nodes[: self._used] = self._nodes[: self._used]
            self._counts, self._nodes = counts, nodes


def _weighted(hits: Floats, nodes: Int32s, kept: Kept | None) -> tuple[Floats, ...]:
    """Trust, distrust, and the sums over walks of X, X² and XT, X being what a walk gives a node:
    what is kept of trust or, negatively, of distrust. Each (slots,).
    """
    trust, trust_joint = hits[:, 0], hits[:, 1]
    if hits.shape[1] == 2 and kept is None:
        return trust, np.zeros_like(trust), trust, trust, trust_joint
    distrust, distrust_joint = hits[:, 2:].T if hits.shape[1] == 4 else np.zeros((2, len(hits)))
    keep = np.ones(len(nodes)) if kept is None else kept.trust[nodes]
    lose = np.ones(len(nodes)) if kept is None else kept.distrust[nodes]
    net = keep * trust - lose * distrust
    joint = keep * trust_joint - lose * distrust_joint
    return trust, distrust, net, keep**2 * trust + lose**2 * distrust, joint
