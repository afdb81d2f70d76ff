"""The best non-negative weights of all columns on some rows: Newton steps of small NNLS.

The ridge ½·ρ·κ·xᵀMx makes the optimum unique and pay even among equals. For updates
M = (G + τ·G∘C⁴)∘(1 + C)/2, with their Gram matrix G, cosines C and entrywise products: positive
semidefinite (Schur), a sum of clones costs as much as the one update they are clones of, orthogonal
parts of an update cost together what the whole does, and opposites cost what each does: they
cancel in the model, but not in stacked outputs. Public columns have τ = 0. κ is the curvature of
the loss per squared length of an update, the median over the updates: it makes ρ free of units.
"""

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import lsq_linear, nnls

from learning.judge.stack import Stack

EVENNESS = 2.0  # τ
RIDGE = 0.1  # ρ
NEWTON_STEPS = 5
LENGTHS = (1.0, 0.5, 0.25, 0.1)


def metric(gram: np.ndarray, updates: int) -> np.ndarray:
    """M [d, d] from the Gram matrix of all columns, of which the first are ``updates``."""
    lengths = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    cosines = gram / np.outer(lengths, lengths)
    alike = np.zeros_like(gram)
    alike[:updates, :updates] = (gram * cosines**4)[:updates, :updates]
    return np.asarray((gram + EVENNESS * alike) * (1 + cosines) / 2)


def scale(stack: Stack, gram: np.ndarray, updates: int) -> float:
    """κ: median over the updates of the loss's curvature per squared length."""
    if not updates:
        return 0.0
    bent = np.diag(stack.curvature(np.zeros(stack.columns)))[:updates]
    return float(np.median(bent / np.diag(gram)[:updates]))


def minimise(stack: Stack, ridge: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Argmin of loss(x) + ½·xᵀ·ridge·x over 0 ≤ x ≤ ``most`` [d], float64 [d].

    ``ridge`` [d, d] is positive semidefinite.
    """
    weights = np.zeros(stack.columns)
    if not stack.columns:
        return weights
    reached = stack.value(weights)
    for _ in range(NEWTON_STEPS):
        bent = stack.curvature(weights)
        pull = bent @ weights - stack.slope(weights)
        target = bounded_least(bent + ridge, pull, most)
        for length in LENGTHS:
            tried = weights + length * (target - weights)
            value = stack.value(tried) + 0.5 * float(tried @ ridge @ tried)
            if value < reached:
                break
        else:
            break
        weights, reached = tried, value
    return weights


def bounded_least(matrix: np.ndarray, pull: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Argmin of ½·xᵀ·matrix·x − pullᵀx over 0 ≤ x ≤ ``most`` [d].

    By non-negative least squares, and with both bounds only where the upper ones matter.
    """
    n = len(pull)
    root = cholesky(matrix + (1e-9 * np.trace(matrix) / n + 1e-300) * np.eye(n))
    target = solve_triangular(root, pull, trans="T")
    weights, _ = nnls(root, target)
    if (weights > most).any():
        weights = lsq_linear(root, target, (np.zeros(n), most), method="bvls").x
    return np.clip(weights, 0.0, most)
