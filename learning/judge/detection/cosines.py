"""Cosines between a round's updates and those of earlier rounds, from one sparse product."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from learning.codec import SparseUpdate


@dataclass(frozen=True, eq=False)
class Cosines:
    """Unit vectors of n current updates and m past ones, and the cosines between them.

    ``rows`` float64 CSR [n + m, total]; an empty update has no direction, and cosine 0 with
    everything. ``pairs`` float64 [n, n + m]. ``gradient`` float64 [total]: unit vector of what
    honest updates have in common, the hold-out's gradient; ``shared`` [n + m]: cosines with it.
    ``progress`` float64 [total]: unit vector of the sum of what recent rounds accepted, and in
    the first round, when there is nothing yet, the gradient.
    """

    rows: csr_array
    pairs: np.ndarray
    gradient: np.ndarray
    shared: np.ndarray
    progress: np.ndarray

    @classmethod
    def of(
        cls,
        current: Sequence[SparseUpdate],
        past: Sequence[SparseUpdate],
        accepted: Sequence[bool],
        gradient: np.ndarray,
    ) -> "Cosines":
        """``gradient`` float32 [total]; ``accepted`` [m]: which past updates were paid."""
        n = len(current)
        rows = unit_rows([*current, *past], len(gradient))
        pairs = np.clip((rows[:n] @ rows.T).toarray(), -1.0, 1.0)
        weights = np.concatenate((np.zeros(n), np.array(accepted, dtype=np.float64)))
        down = _unit(gradient.astype(np.float64))
        progress = _unit(rows.T @ weights)
        shared = np.clip(rows @ down, -1.0, 1.0)
        return cls(rows, pairs, down, shared, progress if np.any(progress) else down)

    def partial(self, i: int, j: int) -> float:
        """Cosine of current i and any j after the shared direction is projected out of both."""
        a, b = self.shared[i], self.shared[j]
        rest = float(np.sqrt(max((1 - a * a) * (1 - b * b), 1e-12)))
        return float((self.pairs[i, j] - a * b) / rest)


def _unit(vector: np.ndarray) -> np.ndarray:
    norm = float(np.linalg.norm(vector))
    scaled: np.ndarray = vector / norm if norm else vector
    return scaled


def unit_rows(updates: Sequence[SparseUpdate], total: int) -> csr_array:
    """float64 CSR [n, total]: each update divided by its norm (an empty one stays empty)."""
    if not updates:
        return csr_array((0, total), dtype=np.float64)
    values = [
        update.values / max(float(np.linalg.norm(update.values.astype(np.float64))), 1.0)
        for update in updates
    ]
    starts = np.concatenate(([0], np.cumsum([len(update.indices) for update in updates])))
    columns = np.concatenate([update.indices for update in updates])
    return csr_array((np.concatenate(values), columns, starts), shape=(len(updates), total))
