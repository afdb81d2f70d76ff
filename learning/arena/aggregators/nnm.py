"""Nearest-neighbour mixing, alone and in front of the trimmed mean.

Allouah, Farhadkhani, Guerraoui, Gupta, Pinot, Stephan, "Fixing by mixing: a recipe for optimal
Byzantine ML under heterogeneity", AISTATS 2023.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import (
    Aggregate,
    Aggregator,
    Vectors,
    aggregators,
    as_matrix,
    check_f,
    check_majority,
)
from learning.arena.aggregators.coordinatewise import mixed_trimmed_mean
from learning.arena.gram import Gram, gram, mix
from learning.errors import AggregationError


def mixing_matrix(products: Gram, f: int) -> Tensor:
    """Row i averages the n − f nearest neighbours of update i, itself included, (n, n) float64."""
    if f >= products.n:
        raise AggregationError(f"f={f} faulty updates leave none of n={products.n} to mix")
    keep = products.n - f
    nearest = products.squared_distances().argsort(dim=1, stable=True)[:, :keep]
    return torch.zeros(products.n, products.n, dtype=torch.float64).scatter_(1, nearest, 1 / keep)


class NNM:
    """Replaces every update by the mean of its n − f nearest neighbours: (n, d) → (n, d)."""

    def __init__(self, f: int = 0) -> None:
        self.f = check_f(f)

    def __call__(self, vectors: Vectors) -> Vectors:
        """The mixed updates, as a new array of the same kind."""
        matrix, is_numpy = as_matrix(vectors)
        mixed = mix(mixing_matrix(gram(matrix), self.f), matrix)
        return mixed.numpy() if is_numpy else mixed


@aggregators.register("nnm-trimmed-mean")
class NNMTrMean(Aggregator):
    """Trimmed mean of the mixed updates, mixed chunk by chunk."""

    def __init__(self, f: int = 0) -> None:
        self.f = check_f(f)

    def aggregate(self, vectors: Tensor) -> Aggregate:
        check_majority(self.f, vectors.shape[0])
        return mixed_trimmed_mean(vectors, mixing_matrix(gram(vectors), self.f), self.f)
