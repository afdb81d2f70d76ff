"""Sampled MeritRank: a set of walks from one ego that can be kept up to date."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reputation import walks as kernels
from reputation.alias import StepTables
from reputation.errors import ParameterError
from reputation.exact import Kept
from reputation.rows import Floats, Int64s

# Counts are raised by four in standard errors (after the "plus four" rule of Agresti and Coull
# 1998), so that a node that no walk has visited does not claim to be known exactly.
_PLUS = 4.0
_MARGIN = 1.1  # a pilot's variance is itself an estimate
_MOST_STEPS = 2**29
_REINDEX_SHARE = 8  # the index of visitors is rebuilt when one walk in eight has changed


@dataclass(frozen=True)
class Estimate:
    """Estimates by row number, the ego's own 0; each of shape (n,)."""

    values: Floats
    trust: Floats
    distrust: Floats
    stderr: Floats


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
        self._counts: NDArray[np.int64] = np.zeros((0, 2), np.int64)
        self._index: tuple[Int64s, NDArray[np.int32]] | None = None
        self._changed = np.zeros(walks, bool)  # since the index was built
        self._fit()
        everything = np.arange(walks)
        self._walk(everything)
        self._count(everything, 1)

    @property
    def walks(self) -> int:
        """How many walks there are."""
        return len(self._lengths)

    @property
    def nbytes(self) -> int:
        """Memory held, roughly."""
        return 2 * self._entries.nbytes + self._offsets.nbytes + self._counts.nbytes

    @property
    def steps(self) -> int:
        """How many steps the walks take in all."""
        return int(self._lengths.sum())

    def replay(self, rows: Int64s) -> int:
        """Walk again those walks that visit one of ``rows``; returns how many.

        After it everything is as if walked anew on the changed graph.
        """
        self._fit()
        touched = self._touched(rows)
        self._count(touched, -1)
        self._walk(touched)
        self._count(touched, 1)
        self._changed[touched] = True
        if self._index and self._changed.sum() * _REINDEX_SHARE > self.walks:
            self._index = None
        return len(touched)

    def estimate(self, kept: Kept) -> Estimate:
        """Scores with standard errors by the delta method for a ratio of means."""
        n = len(kept.trust)
        signed = self._counts.shape[1] == 4
        hits = self._counts[:n].astype(np.float64)
        trust, trust_all = hits[:, 0], hits[:, 1]
        distrust, distrust_all = (hits[:, 2], hits[:, 3]) if signed else np.zeros((2, n))
        total, squares = (float(sum_) for sum_ in self._totals)
        if total == 0.0:
            known = self._tables.heads[self._ego, 1] == 0
            stderr = np.full(n, 0.0 if known else np.inf)
            return Estimate(np.zeros(n), np.zeros(n), np.zeros(n), stderr)
        values = (kept.trust * trust - kept.distrust * distrust) / total
        variance = (
            kept.trust**2 * trust
            + kept.distrust**2 * distrust
            - 2.0 * values * (kept.trust * trust_all - kept.distrust * distrust_all)
            + values**2 * squares
        )
        stderr = np.sqrt(np.maximum(variance, 0.0) + _PLUS) / total
        stderr[self._ego] = 0.0
        return Estimate(values, trust / self.walks, distrust / self.walks, stderr)

    def budget(self, estimate: Estimate, error: float) -> int:
        """How many walks bring the largest standard error down to ``error``."""
        total, walks = float(self._totals[0]), self.walks
        if total == 0.0:
            return 1
        # stderr² = (walks · v + plus) / (walks · t)², with v and t per walk
        per_walk = total / walks
        variance = float(np.max((estimate.stderr * total) ** 2) - _PLUS) / walks
        a, b = (error * per_walk) ** 2, _MARGIN * variance
        return int(np.ceil((b + np.sqrt(b * b + 4.0 * a * _PLUS)) / (2.0 * a)))

    def through_one(self, n: int, threshold: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whose trust (distrust) is brought, to the share ``threshold``, through one other node.

        Each of shape (n,), for the ``n`` nodes of the graph.
        """
        indptr, walk = kernels.visitors(n, self._offsets, self._entries, self._lengths)
        found = []
        for column, distrust in ((0, False), (2, True)):
            if column >= self._counts.shape[1]:
                found.append(np.zeros(n, bool))
                continue
            most = kernels.busiest_predecessor(
                n, indptr, walk, self._offsets, self._entries, distrust
            )
            hits = self._counts[:n, column]
            found.append((hits > 0) & (most >= threshold * hits))
        return found[0], found[1]

    def _fit(self) -> None:
        """Make room in the counts for new nodes and for the first negative edge."""
        rows, columns = self._counts.shape
        width = 4 if self._tables.signed else 2
        shape = (max(rows, len(self._tables.heads)), max(columns, width))
        if self._counts.shape != shape:
            counts = np.zeros(shape, np.int64)
            counts[:rows, :columns] = self._counts
            self._counts = counts

    def _touched(self, rows: Int64s) -> Int64s:
        if (rows == self._ego).any():
            return np.arange(self.walks)
        marked = np.zeros(len(self._counts), bool)
        marked[rows] = True
        if self._index is None:
            self._index = kernels.visitors(
                len(self._counts), self._offsets, self._entries, self._lengths
            )
            self._changed[:] = False
        indptr, walk = self._index
        rows = rows[rows < len(indptr) - 1]
        lists = [walk[indptr[i] : indptr[i + 1]] for i in rows.tolist()]
        candidates = np.unique(np.concatenate([np.flatnonzero(self._changed), *lists]))
        return kernels.that_visit(  # type: ignore[no-any-return]
            candidates, marked, self._offsets, self._entries, self._lengths
        )

    def _walk(self, which: Int64s) -> None:
        tables = self._tables
        kernels.take_walks(
            which, self._ego, self._seed, self._offsets, tables.heads, tables.records,
            tables.after_heads, tables.after_records, self._entries, self._lengths,
        )  # fmt: skip

    def _count(self, which: Int64s, sign: int) -> None:
        kernels.count_walks(
            which, sign, self._offsets, self._entries, self._lengths, self._counts, self._totals
        )
