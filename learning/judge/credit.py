"""What each column adds: Aumann–Shapley along a straight path (Aumann, Shapley 1974).

The credit of column i is xᵢ·∫₀¹ −∂loss/∂xᵢ along the path from one weighting to another. Credits
add up to the loss removed, are linear in the loss, equal for equals, zero for what has no effect.
"""

import numpy as np

from learning.judge.stack import Stack

NODES = 8
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


def path_credit(stack: Stack, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """float64 [d]: loss removed between ``start`` and ``end`` [d], by column.

    Gauss–Legendre with eight nodes; the sum is loss(start) − loss(end) up to the quadrature.
    """
    slope = np.zeros(stack.columns)
    for point, weight in zip((_POINTS + 1) / 2, _WEIGHTS / 2, strict=True):
        slope += weight * stack.slope(start + point * (end - start))
    return np.asarray(-(end - start) * slope)
