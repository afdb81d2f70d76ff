"""FoolsGold: those who always say the same are one.

Fung, Yoon, Beschastnikh, "The limitations of federated learning in Sybil settings", RAID 2020.
"""

import torch
from torch import Tensor

from learning.arena.aggregators.base import Aggregate, Aggregator, aggregators, share
from learning.arena.gram import check_shape, combine, gram


class History:
    """Sum of everybody's updates so far, older ones counting less: H ← decay·H + x."""

    def __init__(self, decay: float = 1.0) -> None:
        self.decay = decay
        self._sums: dict[str, Tensor] = {}

    def add(self, keys: list[str], vectors: Tensor) -> Tensor:
        """Add this round's updates (n, d); the sums of those who sent them, (n, d)."""
        for key in self._sums:
            self._sums[key] *= self.decay
        for key, vector in zip(keys, vectors, strict=True):
            self._sums[key] = self._sums[key] + vector if key in self._sums else vector.clone()
        return torch.stack([self._sums[key] for key in keys])


@aggregators.register("foolsgold")
class FoolsGold(Aggregator):
    """Weights fall with the largest cosine between the histories of two trainers."""

    def __init__(self, kappa: float = 1.0) -> None:
        self.kappa = kappa
        self.history = History()

    def aggregate(self, vectors: Tensor) -> Aggregate:
        check_shape(vectors)
        products = gram(vectors)  # refuses NaN before it can enter the history
        if len(vectors) > 1:
            products = gram(self.history.add(list(self.keys(len(vectors))), vectors))
        weights = share(foolsgold_weights(products.cosines(), self.kappa))
        return Aggregate(combine(weights, vectors), lambda: weights)


def foolsgold_weights(cosines: Tensor, kappa: float = 1.0) -> Tensor:
    """Learning rates in [0, 1] from the cosines between histories, (n, n) → (n,).

    The highest cosine v_i of a trainer, forgiven where the other one's is higher still
    (·v_i/v_j), turns into 1 − v_i, which is scaled to a maximum of 1 and spread by the logit.
    """
    if len(cosines) == 1:
        return torch.ones(1, dtype=torch.float64)
    others = cosines.clone().fill_diagonal_(-torch.inf)
    highest = others.max(dim=1).values
    ratio = highest[:, None] / torch.where(highest == 0, 1.0, highest)[None, :]
    pardoned = torch.where(highest[None, :] > highest[:, None], others * ratio, others)
    rates = (1 - pardoned.max(dim=1).values).clamp(0, 1)
    top = rates.max()
    rates = rates / top if top > 0 else rates
    rates = torch.where(rates == 1, 0.99, rates)
    logits = kappa * (torch.log(rates / (1 - rates)) + 0.5)
    return logits.clamp(0, 1)
