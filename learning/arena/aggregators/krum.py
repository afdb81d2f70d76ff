"""Krum and Multi-Krum: the updates closest to their n − f nearest neighbours.

Blanchard, El Mhamdi, Guerraoui, Stainer, "Machine learning with adversaries: Byzantine tolerant
gradient descent", NeurIPS 2017. Scores average over the n − f − 1 nearest others, as in ByzFL.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import LinearAggregator, aggregators, check_f, check_majority
from learning.arena.gram import Gram


def krum_scores(squared_distances: Tensor, f: int) -> Tensor:
    """Mean squared distance to the n − f − 1 nearest others, (n,)."""
    n = squared_distances.shape[0]
    return squared_distances.sort(dim=1).values[:, 1 : max(n - f, 2)].mean(dim=1)


@aggregators.register("krum")
class Krum(LinearAggregator):
    """The one update with the smallest Krum score."""

    def __init__(self, f: int = 0) -> None:
        self.f = check_f(f)

    def weights(self, gram: Gram) -> Tensor:
        check_majority(self.f, gram.n)
        weights = torch.zeros(gram.n, dtype=torch.float64)
        if gram.n == 1:
            return weights + 1
        weights[krum_scores(gram.squared_distances(), self.f).argmin()] = 1
        return weights


@aggregators.register("multi-krum")
class MultiKrum(LinearAggregator):
    """The mean of the n − f updates with the smallest Krum scores."""

    def __init__(self, f: int = 0) -> None:
        self.f = check_f(f)

    def weights(self, gram: Gram) -> Tensor:
        check_majority(self.f, gram.n)
        weights = torch.zeros(gram.n, dtype=torch.float64)
        if gram.n == 1:
            return weights + 1
        keep = gram.n - self.f
        scores = krum_scores(gram.squared_distances(), self.f)
        weights[scores.argsort(stable=True)[:keep]] = 1 / keep
        return weights
