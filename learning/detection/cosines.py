"""Cosines between a round's updates and those of earlier rounds, from one sparse product."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from learning.codec import SparseUpdate


@dataclass(frozen=True, eq=False)
class Cosines:
    """Cosines of n current updates among themselves and with m past ones.

    ``pairs`` float64 [n, n + m]. ``shared`` float64 [n + m]: with the direction that honest
    updates have in common, the hold-out's gradient. ``progress`` float64 [n]: with the sum of
    what recent rounds accepted, or None in the first round.
    An empty update has cosine 0 with everything.
    """

    pairs: np.ndarray
    shared: np.ndarray
    progress: np.ndarray | None

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
        progress = rows.T @ weights
        moved = bool(np.any(progress))
        return cls(
            pairs,
            _cosines_with(rows, gradient.astype(np.float64)),
            _cosines_with(rows[:n], progress) if moved else None,
        )

    def partial(self, i: int, j: int) -> float:
        """Cosine of current i and any j after the shared direction is projected out of both."""
        a, b = self.shared[i], self.shared[j]
        rest = float(np.sqrt(max((1 - a * a) * (1 - b * b), 1e-12)))
        return float((self.pairs[i, j] - a * b) / rest)


def _cosines_with(rows: csr_array, direction: np.ndarray) -> np.ndarray:
    norm = float(np.linalg.norm(direction))
    if norm == 0.0:
        return np.zeros(rows.shape[0])
    cosines: np.ndarray = np.clip(rows @ direction / norm, -1.0, 1.0)
    return cosines


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
