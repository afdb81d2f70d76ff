"""What a trainer keeps doing: this round's update and the earlier ones, older ones weighing less.

Noise averages out over rounds, while an aim stays: this is why momentum kept per worker defends
(Karimireddy, He, Jaggi, "Learning from history for Byzantine robust optimization", ICML 2021).
Here nobody has to keep or be believed anything: the updates and their order are on chain.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array


def habits(
    rows: csr_array, trainers: Sequence[str], ages: Sequence[int], decay: float
) -> csr_array:
    """float64 CSR [n, n + m]: weights that make unit vectors of ``rows``, one per current update.

    A habit is Σ decayᵃᵍᵉ · update over a trainer's updates. ``rows`` [n + m, total] are the unit
    vectors of the current updates and of earlier ones, sent by ``trainers``, ``ages`` rounds ago
    (0 for the n current ones, which come first). Opposites that cancel out leave a habit of zero.
    """
    names, age = np.array(trainers, dtype=np.str_), np.array(ages, dtype=np.int64)
    n = int((age == 0).sum())
    same = (names[:n, None] == names[None]) & (age > 0)
    same[:, :n] = np.eye(n, dtype=bool)
    weights = np.where(same, float(decay) ** age, 0.0)
    for i, row in enumerate(weights):
        own = np.flatnonzero(row)
        length = float(np.linalg.norm(rows[own].T @ row[own]))
        weights[i] = row / length if length > 1e-9 else 0.0
    return csr_array(weights)
