"""Cosines between all updates of a round and of its history, from one sparse product."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from learning.codec import SparseUpdate


@dataclass(frozen=True, eq=False)
class Cosines:
    """Unit rows for n updates (current ones first, then past ones), as far as detectors need.

    ``pairs`` float64 [n, n]: cosines between updates. ``shared`` float64 [n]: cosine of each
    with the direction that all honest updates share (the hold-out's gradient).
    An empty update has cosine 0 with everything.
    """

    pairs: np.ndarray
    shared: np.ndarray

    @classmethod
    def of(cls, updates: list[SparseUpdate], gradient: np.ndarray) -> "Cosines":
        """All cosines; ``gradient`` float32 [total]. Memory: the sparse rows and n²."""
        rows = unit_rows(updates, len(gradient))
        direction = gradient.astype(np.float64)
        norm = float(np.linalg.norm(direction))
        shared = rows @ direction / norm if norm > 0 else np.zeros(len(updates))
        return cls(np.clip((rows @ rows.T).toarray(), -1.0, 1.0), np.clip(shared, -1.0, 1.0))

    def partial(self, i: int, j: int) -> float:
        """Cosine of two updates after the shared direction is projected out of both."""
        a, b = self.shared[i], self.shared[j]
        rest = float(np.sqrt(max((1 - a * a) * (1 - b * b), 1e-12)))
        return float((self.pairs[i, j] - a * b) / rest)


def unit_rows(updates: list[SparseUpdate], total: int) -> csr_array:
    """float64 CSR [n, total]: each update divided by its norm (an empty one stays empty)."""
    lengths = [len(update.indices) for update in updates]
    values = [
        update.values / max(float(np.linalg.norm(update.values.astype(np.float64))), 1.0)
        for update in updates
    ]
    if not updates:
        return csr_array((0, total), dtype=np.float64)
    return csr_array(
        (
            np.concatenate(values),
            np.concatenate([update.indices for update in updates]),
            np.concatenate(([0], np.cumsum(lengths))),
        ),
        shape=(len(updates), total),
    )
