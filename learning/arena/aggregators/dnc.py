"""Divide-and-conquer (DnC): drop what stands out along the main axis of disagreement.

Shejwalkar, Houmansadr, "Manipulating the Byzantine: optimizing model poisoning attacks and
defenses for federated learning", NDSS 2021.
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
from learning.arena.gram import combine, gram
from learning.errors import AggregationError


@aggregators.register("dnc")
class DnC(Aggregator):
    """Mean of those that survive every one of ``iterations`` random looks at b coordinates.

    A look drops the ⌈c·f⌉ updates with the largest squared projection on the top right singular
    vector of the centred sample; with the Gram matrix G = UΛUᵀ these are λ₁u₁².
    """

    def __init__(
        self, f: int = 0, b: int = 10_000, c: float = 1.0, iterations: int = 5, seed: int = 0
    ) -> None:
        if b < 1 or not c > 0 or iterations < 1:
            raise AggregationError(
                f"b and iterations must be ≥ 1 and c > 0, not b={b}, iterations={iterations}, c={c}"
            )
        self.f = check_f(f)
        self.b, self.c, self.iterations = b, c, iterations
        self._generator = torch.Generator().manual_seed(seed)

    def aggregate(self, vectors: Tensor) -> Aggregate:
        n, d = vectors.shape
        check_majority(self.f, n)
        gram(vectors)  # refuses NaN also where no look will look
        weights = torch.ones(n, dtype=torch.float64)
        drop = min(int(-(-self.c * self.f // 1)), n - 1)
        for _ in range(self.iterations):
            sample = torch.randperm(d, generator=self._generator)[: self.b].to(vectors.device)
            outlying = _outlier_scores(vectors[:, sample])
            weights[outlying.argsort(stable=True, descending=True)[:drop]] = 0
        if not bool(weights.any()):
            raise AggregationError(f"DnC dropped all {n} updates: lower c or iterations")
        weights = share(weights)
        return Aggregate(combine(weights, vectors), lambda: weights)


def _outlier_scores(vectors: Tensor) -> Tensor:
    """Squared projections of the centred rows on their top right singular vector, (n,)."""
    products = gram(vectors)
    values, bases = torch.linalg.eigh(products.matrix[:-1, :-1])
    scores: Tensor = values[-1] * bases[:, -1] ** 2
    return scores
