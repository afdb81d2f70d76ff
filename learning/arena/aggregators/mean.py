"""The plain mean: optimal among honest trainers, at the mercy of a single other one."""

import torch
from torch import Tensor

from learning.arena.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.arena.gram import check_shape, combine, refuse_non_finite


@aggregators.register("mean")
class Average(Aggregator):
    """(1/n) Σ x_i."""

    def aggregate(self, vectors: Tensor) -> Aggregate:
        check_shape(vectors)
        weights = torch.full((vectors.shape[0],), 1 / vectors.shape[0], dtype=torch.float64)
        result = combine(weights, vectors)
        if not bool(torch.isfinite(result).all()):
            refuse_non_finite(vectors)
        return Aggregate(result, lambda: share(weights))
