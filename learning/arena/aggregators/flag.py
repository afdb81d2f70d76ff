"""A Flag-style aggregator: project on the subspace that most updates share.

Almasi, Mishra, Vamanan, Ravi, "Flag Aggregator: scalable distributed training under failures and
augmented losses using convex optimization", ICLR 2024: an orthonormal basis Y of m directions that
minimises Σ √(1 − ‖Yᵀg̃_i‖²) over unit updates g̃_i, found by reweighted least squares, and the
result (1/n) Σ YYᵀg_i. Y lies in the span of the updates, so the Gram matrix is all it takes.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import LinearAggregator, aggregators
from learning.arena.gram import Gram
from learning.errors import AggregationError


@aggregators.register("flag")
class Flag(LinearAggregator):
    """YYᵀ mean(x) with a basis Y of ⌈(n+1)/2⌉ directions, or ``rank`` of them."""

    def __init__(self, rank: int | None = None, iterations: int = 5) -> None:
        if (rank is not None and rank < 1) or iterations < 1:
            raise AggregationError(
                f"rank and iterations must be ≥ 1, not rank={rank}, iterations={iterations}"
            )
        self.rank = rank
        self.iterations = iterations

    def weights(self, gram: Gram) -> Tensor:
        inner, norms = gram.inner(), gram.norms()
        scale = torch.where(norms > 0, 1 / norms, 0.0)
        unit = inner * scale[:, None] * scale[None, :]
        rank = min(self.rank or (gram.n + 2) // 2, gram.n)
        importance = torch.ones(gram.n, dtype=torch.float64)
        for _ in range(self.iterations):
            basis = _weighted_basis(unit, importance, rank)
            covered = ((unit @ basis) ** 2).sum(dim=1).clamp(0, 1)
            importance = 1 / (1 - covered).sqrt().clamp(min=1e-6)
        basis = _weighted_basis(unit, importance, rank)
        projected = basis.T @ (scale[:, None] * inner).mean(dim=1)
        weights: Tensor = scale * (basis @ projected)
        return weights


def _weighted_basis(unit: Tensor, importance: Tensor, rank: int) -> Tensor:
    """Coefficients A (n, rank) for which Y = G̃A is orthonormal and spans the main directions."""
    root = importance.sqrt()
    values, vectors = torch.linalg.eigh(root[:, None] * unit * root[None, :])
    values, vectors = values[-rank:], vectors[:, -rank:]
    usable = values > 1e-9 * values[-1].clamp(min=1e-300)
    basis: Tensor = root[:, None] * vectors[:, usable] / values[usable].sqrt()
    return basis
