"""MoNNA's nearest-neighbour averaging: the n − f updates nearest to one that is trusted.

Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan, "Robust collaborative learning with linear
gradient overhead", ICML 2023.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import (
    Aggregate,
    Aggregator,
    aggregators,
    check_f,
    check_majority,
    share,
)
from learning.arena.gram import combine, distances_to
from learning.errors import AggregationError


@aggregators.register("monna")
class MoNNA(Aggregator):
    """Mean of the n − f nearest neighbours (itself among them) of the update at ``idx``.

    If ``reference`` is set, that is the trusted vector instead, and not averaged in.
    """

    needs_reference = True

    def __init__(self, f: int = 0, idx: int = 0) -> None:
        self.f = check_f(f)
        self.idx = idx

    def aggregate(self, vectors: Tensor) -> Aggregate:
        n = vectors.shape[0]
        check_majority(self.f, n)
        if not 0 <= self.idx < n:
            raise AggregationError(f"idx must be below the number of updates, {n}, not {self.idx}")
        trusted = vectors[self.idx] if self.reference is None else self.reference
        nearest = distances_to(vectors, trusted).argsort(stable=True)[: n - self.f]
        weights = torch.zeros(n, dtype=torch.float64)
        weights[nearest] = 1 / len(nearest)
        return Aggregate(combine(weights, vectors), lambda: share(weights))
