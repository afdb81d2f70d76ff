"""Centred clipping: step towards every update, but no further than τ.

Karimireddy, He, Jaggi, "Learning from history for Byzantine robust optimization", ICML 2021.
"""

import torch
from torch import Tensor

from learning.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.aggregators.geometric_median import distances_to_combination
from learning.errors import AggregationError
from learning.gram import combine, distances_to, gram


@aggregators.register("centered-clip")
class CenteredClipping(Aggregator):
    """v ← v + (1/n) Σ (x_i − v) min(1, τ/‖x_i − v‖), L times, from the last round's v.

    ``m`` is the v to start at (d,), the origin by default. ``tau=None`` takes the median distance
    to v, anew each round.
    """

    def __init__(self, m: Tensor | None = None, L: int = 1, tau: float | None = 100.0) -> None:
        if L < 1 or (tau is not None and not tau >= 0):
            raise AggregationError(f"L must be ≥ 1 and tau ≥ 0, not L={L}, tau={tau}")
        self.m = m
        self.L = L
        self.tau = tau

    def aggregate(self, vectors: Tensor) -> Aggregate:
        start = torch.zeros_like(vectors[0]) if self.m is None else self.m.to(vectors)
        distances = distances_to(vectors, start)
        tau = float(distances.median()) if self.tau is None else self.tau
        factors = clip_factors(distances, tau)
        weights = self._step(torch.zeros(len(factors) + 1, dtype=torch.float64), factors)
        if self.L > 1:
            products = gram(vectors, (start,))
            for _ in range(self.L - 1):
                factors = clip_factors(distances_to_combination(products, weights), tau)
                weights = self._step(weights, factors)
        self.m = combine(weights, vectors, (start,))
        return Aggregate(self.m.clone(), lambda: share(factors))

    @staticmethod
    def _step(weights: Tensor, factors: Tensor) -> Tensor:
        """Weights of updates and start after one step; they sum to 1."""
        weights = weights * (1 - factors.mean())
        weights[:-1] += factors / len(factors)
        weights[-1] = 1 - weights[:-1].sum()
        return weights


def clip_factors(distances: Tensor, tau: float) -> Tensor:
    """min(1, τ/distance), and 1 at distance 0."""
    return torch.where(distances > tau, tau / distances.clamp(min=1e-300), 1.0)
