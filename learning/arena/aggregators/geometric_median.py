"""The geometric median by smoothed Weiszfeld steps, taken on the Gram matrix alone.

Weiszfeld, "Sur le point pour lequel la somme des distances de n points donnés est minimum", 1937;
Pillutla, Kakade, Harchaoui, "Robust aggregation for federated learning", 2022. The steps start at
the origin and stop after T, as in ByzFL.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import LinearAggregator, aggregators
from learning.arena.gram import Gram
from learning.errors import AggregationError


@aggregators.register("geometric-median")
class GeometricMedian(LinearAggregator):
    """argmin_y Σ ‖y − x_i‖: weights ∝ 1 / max(ν, ‖y − x_i‖), T times."""

    def __init__(self, nu: float = 0.1, T: int = 3) -> None:
        if not nu > 0 or T < 1:
            raise AggregationError(f"nu must be > 0 and T ≥ 1, not nu={nu}, T={T}")
        self.nu = nu
        self.T = T

    def weights(self, gram: Gram) -> Tensor:
        weights = torch.zeros(gram.n, dtype=torch.float64)
        for _ in range(self.T):
            weights = 1 / distances_to_combination(gram, weights).clamp(min=self.nu)
            weights = weights / weights.sum()
        return weights


def distances_to_combination(gram: Gram, weights: Tensor) -> Tensor:
    """‖Σ w_k x_k − x_i‖ for every update i, (n,); the rest 1 − Σ w_k lies on the origin."""
    coefficients = torch.cat([weights, (1 - weights.sum())[None]])
    products = gram.matrix @ coefficients
    squares = gram.matrix.diagonal()[: gram.n] - 2 * products[: gram.n] + coefficients @ products
    return squares.clamp(min=0).sqrt()
