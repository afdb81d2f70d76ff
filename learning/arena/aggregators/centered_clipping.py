"""Centred clipping: step towards every update, but no further than τ.

Karimireddy, He, Jaggi, "Learning from history for Byzantine robust optimization", ICML 2021.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.arena.aggregators.geometric_median import distances_to_combination
from learning.arena.gram import combine, distances_to, gram
from learning.errors import AggregationError


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
        n = len(vectors)
        start = () if self.m is None else (self.m.to(vectors),)
        weights = torch.zeros(n + len(start), dtype=torch.float64)
        weights[n:] = 1  # of the start; if that is the origin it needs no entry
        products = gram(vectors, start) if self.L > 1 else None
        for step in range(self.L):
            if products is None:
                distances = distances_to(vectors, *start)
            else:
                distances = distances_to_combination(products, weights)
            if step == 0:
                tau = float(distances.median()) if self.tau is None else self.tau
            factors = clip_factors(distances, tau)
            weights *= 1 - factors.mean()
            weights[:n] += factors / n
        self.m = combine(weights, vectors, start)
        return Aggregate(self.m.clone(), lambda: share(factors))


def clip_factors(distances: Tensor, tau: float) -> Tensor:
    """min(1, τ/distance), and 1 at distance 0."""
    return torch.where(distances > tau, tau / distances.clamp(min=1e-300), 1.0)
